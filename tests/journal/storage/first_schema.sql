CREATE TABLE messages (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  content TEXT NOT NULL,
  recipient_phone TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('new', 'in flight', 'accepted', 'rejected', 'unsent', 'unknown')),
  attempt_count INTEGER NOT NULL DEFAULT 0,
  added_at INTEGER NOT NULL,
  handed_over_at INTEGER,
  fell_back INTEGER NOT NULL DEFAULT 0 CHECK (fell_back IN (0, 1)),
  settled_at INTEGER,
  whatsapp_message_id TEXT,
  error TEXT,
  error_code TEXT,
  detail TEXT
) STRICT;
CREATE INDEX messages_by_state ON messages (state);
PRAGMA application_id = 1094928972;
PRAGMA user_version = 1;
