-- What many processes share: who holds which account, and what became of each message.
-- Times are the server's; states are in the journal's words.

CREATE TABLE autocalls.worker ( -- one lease a worker, for all the accounts it holds
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  host text NOT NULL,
  pid integer NOT NULL,
  lease_until timestamptz NOT NULL,
  is_over boolean NOT NULL DEFAULT false, -- somebody took an account of its: never renewed
  backend_pid integer NOT NULL,
  backend_start timestamptz NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE autocalls.account (
  name text PRIMARY KEY CHECK (name <> '' AND length(name) <= 255),
  epoch bigint NOT NULL DEFAULT 0, -- the fencing token: one more with each holder
  worker_id bigint, -- who holds it, as long as that worker's lease is good
  paused text, -- why nobody sends
  paused_error text, -- the class of the error that paused it; none where a user did
  resumes_at timestamptz -- it goes on by itself then; never where it is null
) WITH (fillfactor = 50);

CREATE TABLE autocalls.message (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- the order of addition
  account text NOT NULL,
  lane text NOT NULL CHECK (lane IN ('interactive', 'bulk')),
  key text NOT NULL CHECK (key <> '' AND length(key) <= 255),
  recipient text NOT NULL,
  content text, -- null once it is forgotten; its digest stays
  digest bytea,
  campaign text,
  identity text, -- equal for equal messages, whatever their keys
  person text NOT NULL, -- one for all spellings of a number
  sender_id bigint,
  state text NOT NULL DEFAULT 'new' CHECK (
    state IN ('new', 'in flight', 'accepted', 'rejected', 'unsent', 'unknown')
  ),
  epoch bigint, -- of the holder that last meant to hand it over
  attempt integer NOT NULL DEFAULT 0,
  fell_back boolean NOT NULL DEFAULT false,
  outside_window boolean NOT NULL DEFAULT false,
  added_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  intended_at timestamptz, -- the last intent, whatever came of it
  handed_over_at timestamptz, -- the same, but null where it surely did not leave
  settled_at timestamptz,
  settled_in xid8, -- the transaction that settled it: where a reader of outcomes is
  fenced_until timestamptz, -- until then a lost holder may still hand it over
  whatsapp_message_id text, -- the service may outgrow 64 bits
  error text,
  error_code text,
  detail text,
  UNIQUE (account, key)
) WITH (fillfactor = 70);
CREATE INDEX message_pending ON autocalls.message (account, lane, id)
  WHERE state IN ('new', 'unsent');
CREATE INDEX message_siblings ON autocalls.message (account, recipient, id)
  WHERE state IN ('new', 'unsent');
CREATE INDEX message_open ON autocalls.message (account) WHERE state = 'in flight';
CREATE INDEX message_unknown ON autocalls.message (account, id) WHERE state = 'unknown';
CREATE INDEX message_fell_back ON autocalls.message (account, id) WHERE fell_back;
CREATE INDEX message_left ON autocalls.message (account, intended_at)
  WHERE intended_at IS NOT NULL;
CREATE INDEX message_person ON autocalls.message (account, person, id);
CREATE INDEX message_campaign ON autocalls.message (campaign, settled_in, id)
  WHERE campaign IS NOT NULL;
CREATE INDEX message_whatsapp ON autocalls.message (whatsapp_message_id)
  WHERE whatsapp_message_id IS NOT NULL;

CREATE TABLE autocalls.past ( -- keys outlive their rows
  account text NOT NULL,
  key text NOT NULL,
  id bigint NOT NULL,
  digest bytea NOT NULL,
  PRIMARY KEY (account, key)
);

CREATE TABLE autocalls.window ( -- who wrote when; sender 0 is the account's default
  account text NOT NULL,
  sender_id bigint NOT NULL,
  recipient text NOT NULL,
  written_at timestamptz NOT NULL,
  PRIMARY KEY (account, sender_id, recipient)
);

CREATE TABLE autocalls.cursor ( -- where readers of outcomes are
  campaign text NOT NULL,
  reader text NOT NULL,
  settled_in xid8 NOT NULL,
  id bigint NOT NULL,
  PRIMARY KEY (campaign, reader)
);
