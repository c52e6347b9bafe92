-- How a message ended, whole: whoever waits in another process is told all of it.

ALTER TABLE autocalls.message
  ADD COLUMN ending text, -- JSON; it may have the service's words: forgotten as contents are
  ADD COLUMN ending_of timestamptz; -- it tells of the end that was settled then
ALTER TABLE autocalls.account
  ADD COLUMN paused_by text, -- likewise, of who was refused
  ADD COLUMN sends_per_second float8; -- as the worker knows it that started last
ALTER TABLE autocalls.cursor ADD COLUMN token text; -- of whoever reads there now

-- The one without `_endings` stays for workers of the version before, until all are new.
CREATE FUNCTION autocalls.settle(
  _worker bigint, _accounts text[], _epochs bigint[], _keys text[], _states text[],
  _numbers text[], _errors text[], _codes text[], _details text[], _endings text[])
RETURNS TABLE (account text, key text) LANGUAGE plpgsql
-- A look-up by key each, whatever the planner knows of a table that is young.
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  _held text[] := autocalls.held(_worker, _accounts, _epochs);
  _now timestamptz := clock_timestamp();
BEGIN
  RETURN QUERY
  WITH told AS (
    UPDATE autocalls.message m SET
      state = CASE WHEN v.is_overtaken THEN 'unknown' ELSE v.state END,
      settled_at = CASE WHEN v.state <> 'new' THEN _now END,
      settled_in = CASE WHEN v.state <> 'new' THEN pg_current_xact_id() END,
      ending = CASE WHEN NOT v.is_overtaken THEN v.ending END, ending_of = _now,
      fenced_until = NULL, whatsapp_message_id = v.number,
      error = CASE WHEN v.is_overtaken THEN m.error ELSE v.error END,
      error_code = v.code,
      detail = CASE WHEN v.is_overtaken THEN 'it did not leave, which was known too late:'
        || ' a later message to the same person may have left before it'
        ELSE v.detail END,
      fell_back = m.fell_back AND v.state NOT IN ('new', 'unsent'),
      outside_window = m.outside_window AND v.state NOT IN ('new', 'unsent'),
      handed_over_at = CASE WHEN v.state NOT IN ('new', 'unsent') THEN m.handed_over_at END
    FROM (
      SELECT v.*, m.id, m.state = 'unknown' AND v.state IN ('new', 'unsent')
        AND EXISTS (
        -- What came back after a successor took it for lost goes again only where
        -- nobody could overtake it.
        SELECT 1 FROM autocalls.message e WHERE e.account = m.account
        AND e.person = m.person AND e.id > m.id) AS is_overtaken
      FROM unnest(_accounts, _epochs, _keys, _states, _numbers, _errors, _codes,
        _details, _endings)
        AS v (account, epoch, key, state, number, error, code, detail, ending)
      JOIN autocalls.message m ON m.account = v.account AND m.key = v.key) v
    WHERE m.id = v.id AND CASE
      -- What this epoch meant to hand over, also where a successor took it for lost.
      WHEN m.epoch = v.epoch AND m.state IN ('in flight', 'unknown') THEN true
      -- A user had it sent again, and it has not left yet.
      WHEN m.epoch = v.epoch AND m.state = 'new' AND v.state = 'accepted' THEN true
      -- What never left is for its holder to judge.
      ELSE m.state IN ('new', 'unsent') AND v.state IN ('new', 'unsent', 'rejected')
        AND v.account = ANY (_held)
    END
    RETURNING m.account, m.key, m.id, m.lane
  ), heard AS (
    SELECT autocalls.tell(string_agg(t.id::text, ',')) FROM told t
    WHERE t.lane = 'interactive'
  )
  SELECT t.account, t.key FROM told t WHERE (SELECT count(*) FROM heard) > 0;
END $$;

CREATE FUNCTION autocalls.pause_by(
  _account text, _why text, _error text, _seconds float8, _ending text)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  UPDATE autocalls.account a SET paused_by = _ending WHERE a.name = _account;
  RETURN autocalls.pause(_account, _why, _error, _seconds);
END $$;

CREATE OR REPLACE FUNCTION autocalls.note_inbound(
  _account text, _sender bigint, _recipient text, _age_seconds float8)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM autocalls.account a WHERE a.name = _account) THEN
    RAISE 'no such account' USING ERRCODE = 'AC002';
  END IF;
  INSERT INTO autocalls.window AS w (account, sender_id, recipient, written_at)
  VALUES (_account, coalesce(_sender, 0), _recipient,
    clock_timestamp() - make_interval(secs => _age_seconds))
  ON CONFLICT (account, sender_id, recipient)
  DO UPDATE SET written_at = greatest(w.written_at, excluded.written_at);
END $$;

CREATE FUNCTION autocalls.put_many(
  _account text, _lane text, _keys text[], _recipients text[], _contents text[],
  _campaign text DEFAULT NULL, _identities text[] DEFAULT NULL,
  _persons text[] DEFAULT NULL, _senders bigint[] DEFAULT NULL)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  _ids bigint[];
BEGIN
  -- As `enqueue_many`, and how many of them were not there before.
  _ids := ARRAY(SELECT * FROM autocalls.enqueue_many(_account, _lane, _keys,
    _recipients, _contents, _campaign, _identities, _persons, _senders));
  RETURN (SELECT count(*) FROM autocalls.message m
    WHERE m.id = ANY (_ids) AND m.xmin = pg_current_xact_id()::xid);
END $$;

CREATE OR REPLACE FUNCTION autocalls.forget(
  _content_age interval, _row_age interval, _most integer DEFAULT 5000)
RETURNS TABLE (contents bigint, rows bigint) LANGUAGE plpgsql AS $$
BEGIN
  -- So many at once: what settles meanwhile is not kept waiting.
  WITH old AS (
    DELETE FROM autocalls.message m WHERE m.id IN (
      SELECT o.id FROM autocalls.message o
      WHERE o.settled_at < clock_timestamp() - _row_age
        AND o.state IN ('accepted', 'rejected', 'unknown') LIMIT _most)
    RETURNING m.account, m.key, m.id, coalesce(m.digest, autocalls.digest(m.content)) AS d)
  , kept AS (
    INSERT INTO autocalls.past (account, key, id, digest)
    SELECT o.account, o.key, o.id, o.d FROM old o ON CONFLICT DO NOTHING)
  SELECT count(*) INTO rows FROM old;
  -- An unknown one may have to be sent again yet.
  WITH old AS (
    UPDATE autocalls.message m
    SET digest = autocalls.digest(m.content), content = NULL, ending = NULL
    WHERE m.id IN (
      SELECT o.id FROM autocalls.message o WHERE o.content IS NOT NULL
        AND o.settled_at < clock_timestamp() - _content_age
        AND o.state IN ('accepted', 'rejected') LIMIT _most)
    RETURNING 1)
  SELECT count(*) INTO contents FROM old;
  DELETE FROM autocalls.window w WHERE w.written_at < clock_timestamp() - interval '1 day';
  RETURN NEXT;
END $$;

CREATE FUNCTION autocalls.add_accounts(_names text[], _rates float8[])
RETURNS TABLE (name text, other float8) LANGUAGE plpgsql AS $$
BEGIN
  -- Which of them another worker, that lives, was started with another limit for.
  RETURN QUERY
  SELECT a.name, a.sends_per_second FROM unnest(_names, _rates) AS v (name, rate)
  JOIN autocalls.account a ON a.name = v.name AND a.sends_per_second <> v.rate
  WHERE cardinality(autocalls.live_workers()) > 0 ORDER BY a.name;
  INSERT INTO autocalls.account AS a (name, sends_per_second)
  SELECT v.name, v.rate FROM unnest(_names, _rates) AS v (name, rate) ORDER BY v.name
  ON CONFLICT ON CONSTRAINT account_pkey
  DO UPDATE SET sends_per_second = excluded.sends_per_second
  WHERE a.sends_per_second IS DISTINCT FROM excluded.sends_per_second;
END $$;

-- A look-up by key each here too: of a table that is young, or grows by a campaign, each
-- batch read all rows of its account.
ALTER FUNCTION autocalls.enqueue_many(text, text, text[], text[], text[],
  text, text[], text[], bigint[]) SET enable_seqscan = off;
ALTER FUNCTION autocalls.enqueue_many(text, text, text[], text[], text[],
  text, text[], text[], bigint[]) SET enable_hashjoin = off;
ALTER FUNCTION autocalls.enqueue_many(text, text, text[], text[], text[],
  text, text[], text[], bigint[]) SET enable_mergejoin = off;
ALTER FUNCTION autocalls.enqueue_many(text, text, text[], text[], text[],
  text, text[], text[], bigint[]) SET enable_material = off;
