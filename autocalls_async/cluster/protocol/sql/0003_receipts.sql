-- What webhooks told, at whichever worker they came in.

CREATE TABLE autocalls.receipt ( -- it may come before the answer
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  whatsapp_message_id text NOT NULL,
  status text NOT NULL,
  sender_id bigint NOT NULL,
  person text NOT NULL,
  at timestamptz,
  error_code bigint,
  received_at timestamptz NOT NULL,
  kept_in xid8 NOT NULL DEFAULT pg_current_xact_id(),
  UNIQUE (whatsapp_message_id, status)
);
CREATE INDEX receipt_kept ON autocalls.receipt (kept_in);
CREATE INDEX receipt_person ON autocalls.receipt (person, sender_id, received_at);

CREATE TABLE autocalls.heard ( -- events that are no receipts, by what a repeat shares
  key text PRIMARY KEY,
  at timestamptz NOT NULL
);

CREATE TABLE autocalls.receiver (
  token text PRIMARY KEY,
  began_at timestamptz NOT NULL,
  seen_at timestamptz NOT NULL
);

CREATE TABLE autocalls.work ( -- what handlers still have to see
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  task text NOT NULL,
  raw bytea NOT NULL,
  person text NOT NULL,
  owner text,
  added_at timestamptz NOT NULL,
  begun_at timestamptz
);

CREATE TABLE autocalls.unreadable (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  raw bytea NOT NULL
);

CREATE TABLE autocalls.handed_over (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  sender_id bigint NOT NULL,
  person text NOT NULL,
  digest text,
  handed_over_at timestamptz NOT NULL,
  whatsapp_message_id text,
  is_accepted boolean NOT NULL
);
CREATE INDEX handed_over_person ON autocalls.handed_over (person, sender_id);
CREATE INDEX handed_over_number ON autocalls.handed_over (whatsapp_message_id)
  WHERE whatsapp_message_id IS NOT NULL;

-- One transaction: whoever puts it in gets the work, and all who wait hear of it.
CREATE FUNCTION autocalls.keep_receipt(
  _number text, _status text, _sender bigint, _person text, _at timestamptz,
  _code bigint, _received timestamptz, _task text, _raw bytea, _owner text,
  _has_handler boolean, _now timestamptz)
RETURNS TABLE (is_first boolean, number bigint) LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO autocalls.receipt
    (whatsapp_message_id, status, sender_id, person, at, error_code, received_at)
  VALUES (_number, _status, _sender, _person, _at, _code, _received)
  ON CONFLICT DO NOTHING;
  is_first := FOUND;
  IF is_first THEN
    PERFORM pg_notify('autocalls_receipts', _number);
    IF _has_handler THEN
      INSERT INTO autocalls.work AS w (task, raw, person, owner, added_at)
      VALUES (_task, _raw, _person, _owner, _now) RETURNING w.number INTO number;
    END IF;
  END IF;
  RETURN NEXT;
END $$;

CREATE FUNCTION autocalls.keep_event(
  _key text, _task text, _raw bytea, _person text, _owner text, _has_handler boolean,
  _now timestamptz)
RETURNS TABLE (is_first boolean, number bigint) LANGUAGE plpgsql AS $$
BEGIN
  is_first := true;
  IF _key IS NOT NULL THEN
    INSERT INTO autocalls.heard (key, at) VALUES (_key, _now) ON CONFLICT DO NOTHING;
    is_first := FOUND;
  END IF;
  IF is_first AND _has_handler THEN
    INSERT INTO autocalls.work AS w (task, raw, person, owner, added_at)
    VALUES (_task, _raw, _person, _owner, _now) RETURNING w.number INTO number;
  END IF;
  RETURN NEXT;
END $$;

CREATE FUNCTION autocalls.forget_receipts(_age interval) RETURNS void
LANGUAGE sql AS $$
  -- Work that no handler has done stays: it is for the user to give up.
  DELETE FROM autocalls.receipt r WHERE r.received_at < clock_timestamp() - _age;
  DELETE FROM autocalls.handed_over h WHERE h.handed_over_at < clock_timestamp() - _age;
  DELETE FROM autocalls.heard h WHERE h.at < clock_timestamp() - _age;
  DELETE FROM autocalls.receiver r WHERE r.seen_at < clock_timestamp() - _age;
  DELETE FROM autocalls.cursor c WHERE NOT EXISTS (
    SELECT 1 FROM autocalls.message m WHERE m.campaign = c.campaign);
$$;
