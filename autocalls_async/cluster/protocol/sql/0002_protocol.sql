-- The steps of the protocol, each one transaction. At READ COMMITTED each statement of
-- a function sees what was committed before it began; `take` stands on that.
--
-- SQLSTATEs of ours: AC001 a key stands for another message; AC002 no such account;
-- AC003 a message is in no state for this; AC004 a lost holder may still hand it over.

-- Who holds what

CREATE FUNCTION autocalls.live_workers() RETURNS bigint[]
LANGUAGE sql VOLATILE AS $$
  -- Other roles' sessions show no start: then the process id alone tells.
  SELECT coalesce(array_agg(w.id), '{}') FROM autocalls.worker w
  WHERE NOT w.is_over AND w.lease_until > clock_timestamp() AND EXISTS (
    SELECT 1 FROM pg_stat_activity s WHERE s.pid = w.backend_pid
    AND coalesce(s.backend_start, w.backend_start) = w.backend_start)
$$;

CREATE FUNCTION autocalls.is_paused(a autocalls.account) RETURNS boolean
LANGUAGE sql VOLATILE AS $$
  SELECT a.paused IS NOT NULL AND coalesce(a.resumes_at > clock_timestamp(), true)
$$;

CREATE FUNCTION autocalls.register(_host text, _pid integer, _seconds float8)
RETURNS bigint LANGUAGE sql AS $$
  INSERT INTO autocalls.worker (host, pid, lease_until, backend_pid, backend_start)
  SELECT _host, _pid, clock_timestamp() + make_interval(secs => _seconds),
    s.pid, s.backend_start
  FROM pg_stat_activity s WHERE s.pid = pg_backend_pid()
  RETURNING id
$$;

CREATE FUNCTION autocalls.renew(_worker bigint, _seconds float8) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
  -- A lease that is over stays over: its accounts may be another's by now.
  UPDATE autocalls.worker w
  SET lease_until = clock_timestamp() + make_interval(secs => _seconds),
    backend_pid = s.pid, backend_start = s.backend_start
  FROM pg_stat_activity s
  WHERE w.id = _worker AND s.pid = pg_backend_pid()
    AND NOT w.is_over AND w.lease_until > clock_timestamp();
  RETURN FOUND;
END $$;

CREATE FUNCTION autocalls.retire(_worker bigint) RETURNS void
LANGUAGE sql AS $$
  UPDATE autocalls.worker SET is_over = true WHERE id = _worker
$$;

CREATE FUNCTION autocalls.take(_account text, _worker bigint)
RETURNS TABLE (epoch bigint, lost_count bigint, quiet_seconds float8)
LANGUAGE plpgsql AS $$
DECLARE
  _live bigint[] := autocalls.live_workers();
  _old bigint;
  _until timestamptz;
  _epoch bigint;
  _lost bigint;
  _told text;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE 'autocalls.take needs READ COMMITTED';
  END IF;
  SELECT a.worker_id INTO _old FROM autocalls.account a
    WHERE a.name = _account AND NOT autocalls.is_paused(a) FOR UPDATE OF a;
  -- Its own row may be left over from a hand-over that the database did not hear of.
  IF NOT FOUND OR _worker <> ALL (_live) OR (_old <> _worker AND _old = ANY (_live)) THEN
    RETURN;
  END IF;
  -- It may live and have lost only its connection: then this lease is its last.
  UPDATE autocalls.worker w SET is_over = true WHERE w.id = _old AND w.id <> _worker
    RETURNING w.lease_until INTO _until;
  UPDATE autocalls.account a SET epoch = a.epoch + 1, worker_id = _worker,
    paused = NULL, paused_error = NULL, resumes_at = NULL
    WHERE a.name = _account RETURNING a.epoch INTO _epoch;
  -- A statement of its own: it sees each intent that was committed before.
  WITH lost AS (
    UPDATE autocalls.message m SET state = 'unknown', settled_at = clock_timestamp(),
      settled_in = pg_current_xact_id(), fenced_until = _until,
      error = 'UnknownOutcomeError', detail = 'the run ended before an answer came'
    WHERE m.account = _account AND m.state = 'in flight' AND m.epoch < _epoch
    RETURNING m.id, m.lane)
  SELECT count(*), string_agg(l.id::text, ',') FILTER (WHERE l.lane = 'interactive')
    INTO _lost, _told FROM lost l;
  PERFORM autocalls.tell(_told);
  RETURN QUERY SELECT _epoch, _lost, (
    SELECT extract(epoch FROM clock_timestamp() - max(m.intended_at))::float8
    FROM autocalls.message m WHERE m.account = _account
    AND m.intended_at > clock_timestamp() - interval '1 minute');
END $$;

CREATE FUNCTION autocalls.tell(_ids text) RETURNS void
LANGUAGE sql AS $$
  -- An empty one lets everybody look; a payload has less than 8,000 bytes.
  SELECT pg_notify('autocalls_out', CASE WHEN length(_ids) < 7900 THEN _ids ELSE '' END)
  WHERE _ids IS NOT NULL
$$;

CREATE FUNCTION autocalls.let_go(_account text, _epoch bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
  UPDATE autocalls.account a SET worker_id = NULL
    WHERE a.name = _account AND a.epoch = _epoch;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  PERFORM autocalls.drive(a.name) FROM autocalls.account a
    WHERE a.name = _account AND NOT autocalls.is_paused(a) AND EXISTS (
      SELECT 1 FROM autocalls.message m
      WHERE m.account = _account AND m.state IN ('new', 'unsent'));
  RETURN true;
END $$;

CREATE FUNCTION autocalls.sweep() RETURNS integer
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  _live bigint[] := autocalls.live_workers();
  _count integer;
BEGIN
  SELECT count(*) FILTER (WHERE autocalls.drive(a.name)) INTO _count
  FROM autocalls.account a
  WHERE (a.worker_id IS NULL OR a.worker_id <> ALL (_live))
    AND NOT autocalls.is_paused(a) AND EXISTS (
      SELECT 1 FROM autocalls.message m WHERE m.account = a.name
      AND m.state IN ('new', 'unsent', 'in flight'));
  DELETE FROM autocalls.worker w
  WHERE w.lease_until < clock_timestamp() - interval '1 hour'
    AND NOT EXISTS (SELECT 1 FROM autocalls.account a WHERE a.worker_id = w.id);
  -- Jobs of the dead; the accounts that they were for are seen to above.
  DELETE FROM procrastinate_jobs j
  WHERE j.task_name = 'autocalls:drive' AND j.status = 'doing' AND NOT EXISTS (
    SELECT 1 FROM procrastinate_workers p WHERE p.id = j.worker_id
    AND p.last_heartbeat > now() - interval '30 seconds');
  RETURN _count;
END $$;

-- What waits

CREATE FUNCTION autocalls.drive(_account text) RETURNS boolean
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  _lock text := 'autocalls:' || _account;
BEGIN
  -- One open transaction for each account tries, so that nobody waits for another's
  -- uncommitted job; what is rolled back with it, the sweep finds.
  IF EXISTS (SELECT 1 FROM procrastinate_jobs j
      WHERE j.queueing_lock = _lock AND j.status = 'todo')
    OR NOT pg_try_advisory_xact_lock(hashtext('autocalls.drive'), hashtext(_account))
  THEN
    RETURN false;
  END IF;
  PERFORM procrastinate_defer_jobs_v1(ARRAY[ROW('autocalls', 'autocalls:drive', 0, NULL,
    _lock, jsonb_build_object('account', _account), NULL)]::procrastinate_job_to_defer_v1[]);
  RETURN true;
EXCEPTION WHEN unique_violation THEN
  RETURN false; -- one waits already
END $$;

CREATE FUNCTION autocalls.wake(_account text, _lane text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  _is_held boolean;
  _is_paused boolean;
BEGIN
  SELECT w.id IS NOT NULL, autocalls.is_paused(a) INTO _is_held, _is_paused
  FROM autocalls.account a LEFT JOIN autocalls.worker w
    ON w.id = a.worker_id AND NOT w.is_over AND w.lease_until > clock_timestamp()
  WHERE a.name = _account;
  IF NOT FOUND THEN
    RAISE 'no such account' USING ERRCODE = 'AC002';
  END IF;
  IF _is_held THEN
    -- Bulk is looked for now and then: a NOTIFY serialises the server's commits.
    IF _lane = 'interactive' THEN
      PERFORM pg_notify('autocalls_in', _account);
    END IF;
  ELSIF NOT _is_paused THEN
    PERFORM autocalls.drive(_account);
  END IF;
END $$;

CREATE FUNCTION autocalls.digest(_content text) RETURNS bytea
LANGUAGE sql IMMUTABLE AS $$ SELECT sha256(convert_to(_content, 'UTF8')) $$;

CREATE FUNCTION autocalls.enqueue_many(
  _account text, _lane text, _keys text[], _recipients text[], _contents text[],
  _campaign text DEFAULT NULL, _identities text[] DEFAULT NULL,
  _persons text[] DEFAULT NULL, _senders bigint[] DEFAULT NULL)
RETURNS SETOF bigint LANGUAGE plpgsql AS $$
DECLARE
  _other bigint;
BEGIN
  INSERT INTO autocalls.message
    (account, lane, key, recipient, content, campaign, identity, person, sender_id)
  SELECT _account, _lane, v.key, v.recipient, v.content, _campaign,
    _identities[v.n], coalesce(_persons[v.n], v.recipient), _senders[v.n]
  FROM unnest(_keys, _recipients, _contents)
    WITH ORDINALITY AS v (key, recipient, content, n)
  WHERE NOT EXISTS (
    SELECT 1 FROM autocalls.past p WHERE p.account = _account AND p.key = v.key)
  ORDER BY v.n
  ON CONFLICT (account, key) DO NOTHING;
  SELECT v.n INTO _other
  FROM unnest(_keys, _contents) WITH ORDINALITY AS v (key, content, n)
  LEFT JOIN autocalls.message m ON m.account = _account AND m.key = v.key
  LEFT JOIN autocalls.past p ON p.account = _account AND p.key = v.key
  WHERE CASE WHEN m.content IS NOT NULL THEN m.content <> v.content
    ELSE coalesce(m.digest, p.digest) <> autocalls.digest(v.content) END
  ORDER BY v.n LIMIT 1;
  IF FOUND THEN
    RAISE 'a key stands for another message' USING ERRCODE = 'AC001', DETAIL = _other;
  END IF;
  PERFORM autocalls.wake(_account, _lane);
  RETURN QUERY SELECT coalesce(m.id, p.id)
  FROM unnest(_keys) WITH ORDINALITY AS v (key, n)
  LEFT JOIN autocalls.message m ON m.account = _account AND m.key = v.key
  LEFT JOIN autocalls.past p ON p.account = _account AND p.key = v.key
  ORDER BY v.n;
END $$;

-- In the user's own transaction, from any driver or language.
CREATE FUNCTION autocalls.enqueue(
  _account text, _lane text, _key text, _recipient text, _content text,
  _campaign text DEFAULT NULL, _identity text DEFAULT NULL,
  _person text DEFAULT NULL, _sender bigint DEFAULT NULL)
RETURNS bigint LANGUAGE sql AS $$
  SELECT * FROM autocalls.enqueue_many(_account, _lane, ARRAY[_key], ARRAY[_recipient],
    ARRAY[_content], _campaign, ARRAY[_identity], ARRAY[_person], ARRAY[_sender])
$$;

CREATE FUNCTION autocalls.put(
  _account text, _lane text, _key text, _recipient text, _content text,
  _campaign text DEFAULT NULL, _identity text DEFAULT NULL,
  _person text DEFAULT NULL, _sender bigint DEFAULT NULL)
RETURNS TABLE (id bigint, is_new boolean) LANGUAGE plpgsql AS $$
BEGIN
  -- The same, and whether it was not there before: who found it does not take it back.
  id := autocalls.enqueue(_account, _lane, _key, _recipient, _content, _campaign,
    _identity, _person, _sender);
  is_new := EXISTS (SELECT 1 FROM autocalls.message m
    WHERE m.id = put.id AND m.xmin = pg_current_xact_id()::xid);
  RETURN NEXT;
END $$;

CREATE FUNCTION autocalls.withdraw(_id bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM autocalls.message m WHERE m.id = _id AND m.state IN ('new', 'unsent');
  RETURN FOUND;
END $$;

CREATE FUNCTION autocalls.waiting(
  _account text, _lane text, _in_hand bigint[], _resting bigint[], _limit integer,
  _sender bigint DEFAULT NULL) -- the account's default
RETURNS TABLE (
  id bigint, key text, content text, sender_id bigint, recipient text,
  written_seconds float8)
LANGUAGE sql VOLATILE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
  -- By id and without a cursor: ids are committed in another order than drawn. What was
  -- submitted before to the same people goes first: an interactive read takes it along,
  -- a bulk one leaves what has to wait for it.
  WITH found AS (
    SELECT m.* FROM autocalls.message m
    WHERE m.account = _account AND m.lane = _lane AND m.state IN ('new', 'unsent')
      AND m.id <> ALL (_in_hand) AND m.id <> ALL (_resting) AND NOT EXISTS (
        SELECT 1 FROM autocalls.message e
        WHERE e.account = _account AND e.recipient = m.recipient AND e.id < m.id
          AND e.state IN ('new', 'unsent') AND (e.id = ANY (_resting)
          OR (_lane = 'bulk' AND e.lane <> _lane AND e.id <> ALL (_in_hand))))
    ORDER BY m.id LIMIT _limit
  ), siblings AS (
    SELECT DISTINCT e.id FROM found m JOIN autocalls.message e
      ON e.account = _account AND e.recipient = m.recipient AND e.id < m.id
    WHERE _lane = 'interactive' AND e.lane <> _lane
      AND e.state IN ('new', 'unsent') AND e.id <> ALL (_in_hand)
  )
  SELECT m.id, m.key, m.content, m.sender_id, m.recipient, (
    SELECT extract(epoch FROM clock_timestamp() - max(w.written_at))::float8
    FROM autocalls.window w WHERE w.account = _account AND w.recipient = m.recipient
    AND CASE w.sender_id WHEN 0 THEN coalesce(m.sender_id = _sender, true)
      ELSE w.sender_id = coalesce(m.sender_id, _sender) END)
  FROM autocalls.message m
  WHERE m.id IN (SELECT f.id FROM found f UNION ALL SELECT s.id FROM siblings s)
  ORDER BY m.id
$$;

CREATE FUNCTION autocalls.waits(_accounts text[]) RETURNS SETOF text
LANGUAGE sql VOLATILE AS $$
  SELECT a FROM unnest(_accounts) a WHERE EXISTS (
    SELECT 1 FROM autocalls.message m
    WHERE m.account = a AND m.state IN ('new', 'unsent'))
$$;

-- What leaves, and how it ends

CREATE FUNCTION autocalls.held(_worker bigint, _accounts text[], _epochs bigint[])
RETURNS text[] LANGUAGE sql VOLATILE AS $$
  -- The locks keep a taker waiting until this transaction is over.
  SELECT coalesce(array_agg(h.name), '{}') FROM (
    SELECT a.name FROM autocalls.account a
    JOIN (SELECT DISTINCT * FROM unnest(_accounts, _epochs)) v (name, epoch)
      ON v.name = a.name AND v.epoch = a.epoch
    WHERE a.worker_id = _worker ORDER BY a.name FOR SHARE OF a) h
$$;

CREATE FUNCTION autocalls.had(_account text, _person text, _key text) RETURNS text
LANGUAGE sql VOLATILE AS $$
  -- The state of another message that a person had, or may have had.
  SELECT m.state FROM autocalls.message m
  WHERE m.account = _account AND m.person = _person AND m.key <> _key
    AND m.state IN ('in flight', 'accepted', 'unknown') ORDER BY m.id LIMIT 1
$$;

CREATE FUNCTION autocalls.admit(
  _account text, _key text, _content text, _recipient text, _identity text,
  _person text, _sender bigint, _once boolean, _is_claimed boolean)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  _old autocalls.message;
  _is_same boolean;
BEGIN
  IF _once AND autocalls.had(_account, _person, _key) IS NOT NULL THEN
    RETURN autocalls.had(_account, _person, _key);
  END IF;
  IF _is_claimed THEN
    INSERT INTO autocalls.message
      (account, lane, key, recipient, content, identity, person, sender_id)
    VALUES (_account, 'bulk', _key, _recipient, _content, _identity, _person, _sender)
    ON CONFLICT (account, key) DO NOTHING;
    IF FOUND THEN
      RETURN 'new';
    END IF;
  END IF;
  SELECT m.* INTO _old FROM autocalls.message m
    WHERE m.account = _account AND m.key = _key FOR UPDATE;
  IF NOT FOUND THEN
    RETURN 'new';
  END IF;
  _is_same := coalesce(_old.identity = _identity, _old.content = _content,
    _old.digest = autocalls.digest(_content));
  IF _is_claimed AND _old.state IN ('new', 'unsent', 'rejected') THEN
    UPDATE autocalls.message m SET content = _content, recipient = _recipient,
      identity = _identity, person = _person, sender_id = _sender,
      state = CASE WHEN _is_same THEN m.state ELSE 'new' END,
      handed_over_at = CASE WHEN _is_same THEN m.handed_over_at END,
      fell_back = m.fell_back AND _is_same, outside_window = m.outside_window AND _is_same,
      settled_at = CASE WHEN _is_same THEN m.settled_at END,
      settled_in = CASE WHEN _is_same THEN m.settled_in END,
      whatsapp_message_id = CASE WHEN _is_same THEN m.whatsapp_message_id END,
      error = CASE WHEN _is_same THEN m.error END,
      error_code = CASE WHEN _is_same THEN m.error_code END,
      detail = CASE WHEN _is_same THEN m.detail END
    WHERE m.id = _old.id;
    RETURN CASE WHEN _is_same THEN _old.state ELSE 'new' END;
  ELSIF NOT _is_same THEN
    RETURN 'conflict';
  END IF;
  RETURN _old.state;
END $$;

CREATE FUNCTION autocalls.intend(
  _worker bigint, _accounts text[], _epochs bigint[], _keys text[],
  _fell_backs boolean[], _outsides boolean[], _onces boolean[],
  _in_order boolean[])
RETURNS TABLE (account text, key text) LANGUAGE plpgsql
-- A look-up by key each, whatever the planner knows of a table that is young.
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  _held text[] := autocalls.held(_worker, _accounts, _epochs);
BEGIN
  RETURN QUERY
  UPDATE autocalls.message m SET state = 'in flight', epoch = v.epoch,
    attempt = m.attempt + 1, fell_back = v.fell_back, outside_window = v.outside,
    intended_at = clock_timestamp(), handed_over_at = clock_timestamp(),
    settled_at = NULL, settled_in = NULL, fenced_until = NULL,
    whatsapp_message_id = NULL, error = NULL, error_code = NULL, detail = NULL
  FROM unnest(_accounts, _epochs, _keys, _fell_backs, _outsides, _onces, _in_order)
    AS v (account, epoch, key, fell_back, outside, once, in_order)
  WHERE m.account = v.account AND m.key = v.key AND m.state IN ('new', 'unsent')
    AND v.account = ANY (_held) AND EXISTS (
      SELECT 1 FROM autocalls.worker w
      WHERE w.id = _worker AND NOT w.is_over AND w.lease_until > clock_timestamp())
    AND NOT EXISTS (
      SELECT 1 FROM autocalls.account a
      WHERE a.name = v.account AND autocalls.is_paused(a))
    AND NOT (v.once AND autocalls.had(m.account, m.person, m.key) IS NOT NULL)
    -- One that came back is waited for by those behind it, in hand as they may be.
    AND NOT (v.in_order AND EXISTS (
      SELECT 1 FROM autocalls.message e
      WHERE e.account = m.account AND e.recipient = m.recipient AND e.id < m.id
        AND e.state IN ('new', 'unsent')))
  RETURNING m.account, m.key;
END $$;

CREATE FUNCTION autocalls.settle(
  _worker bigint, _accounts text[], _epochs bigint[], _keys text[], _states text[],
  _numbers text[], _errors text[], _codes text[], _details text[])
RETURNS TABLE (account text, key text) LANGUAGE plpgsql
-- A look-up by key each, whatever the planner knows of a table that is young.
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  _held text[] := autocalls.held(_worker, _accounts, _epochs);
  _told text;
BEGIN
  RETURN QUERY
  WITH told AS (
    UPDATE autocalls.message m SET
      state = CASE WHEN v.is_overtaken THEN 'unknown' ELSE v.state END,
      settled_at = CASE WHEN v.state <> 'new' THEN clock_timestamp() END,
      settled_in = CASE WHEN v.state <> 'new' THEN pg_current_xact_id() END,
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
      FROM unnest(_accounts, _epochs, _keys, _states, _numbers, _errors, _codes, _details)
        AS v (account, epoch, key, state, number, error, code, detail)
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

CREATE FUNCTION autocalls.resolve(
  _account text, _keys text[], _state text, _was text DEFAULT 'unknown')
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  _row record;
  _count integer;
BEGIN
  IF _state NOT IN ('accepted', 'new') THEN
    RAISE 'a message is resolved as accepted or as new' USING ERRCODE = 'AC003';
  END IF;
  PERFORM 1 FROM autocalls.message m WHERE m.key = ANY (_keys)
    AND (_account IS NULL OR m.account = _account) ORDER BY m.id FOR UPDATE;
  FOR _row IN
    SELECT v.n, max(m.state) AS state, count(m.id) AS found,
      bool_or(m.fenced_until > clock_timestamp()) AS is_fenced
    FROM unnest(_keys) WITH ORDINALITY AS v (key, n)
    LEFT JOIN autocalls.message m
      ON m.key = v.key AND (_account IS NULL OR m.account = _account)
    GROUP BY v.n ORDER BY v.n
  LOOP
    IF _row.found > 1 THEN
      RAISE 'several accounts have a message with this key'
        USING ERRCODE = 'AC003', DETAIL = _row.n, HINT = 'several';
    ELSIF _row.state IS DISTINCT FROM _was THEN
      RAISE 'a message is in another state'
        USING ERRCODE = 'AC003', DETAIL = _row.n, HINT = coalesce(_row.state, '');
    ELSIF _state = 'new' AND _row.is_fenced THEN
      RAISE 'a lost worker may still hand a message over'
        USING ERRCODE = 'AC004', DETAIL = _row.n;
    END IF;
  END LOOP;
  UPDATE autocalls.message m SET state = _state, whatsapp_message_id = NULL,
    error = NULL, error_code = NULL, fenced_until = NULL,
    handed_over_at = CASE WHEN _state <> 'new' THEN m.handed_over_at END,
    fell_back = m.fell_back AND _state <> 'new',
    outside_window = m.outside_window AND _state <> 'new',
    settled_at = CASE WHEN _state <> 'new' THEN clock_timestamp() END,
    settled_in = CASE WHEN _state <> 'new' THEN pg_current_xact_id() END,
    detail = CASE WHEN _state <> 'new' THEN 'resolved by the user' END
  WHERE m.key = ANY (_keys) AND (_account IS NULL OR m.account = _account);
  GET DIAGNOSTICS _count = ROW_COUNT;
  IF _state = 'new' THEN
    PERFORM autocalls.wake(m.account, 'bulk') FROM (
      SELECT DISTINCT m.account FROM autocalls.message m
      WHERE m.key = ANY (_keys) AND (_account IS NULL OR m.account = _account)) m;
  END IF;
  RETURN _count;
END $$;

-- Accounts

CREATE FUNCTION autocalls.pause(
  _account text, _why text, _error text DEFAULT NULL, _seconds float8 DEFAULT NULL)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  UPDATE autocalls.account a SET paused = _why, paused_error = _error,
    resumes_at = clock_timestamp() + make_interval(secs => _seconds)
    WHERE a.name = _account;
  IF FOUND THEN
    PERFORM pg_notify('autocalls_in', _account);
    PERFORM pg_notify('autocalls_out', '');
    RETURN true;
  END IF;
  RETURN false;
END $$;

CREATE FUNCTION autocalls.resume(_account text) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
  UPDATE autocalls.account a SET paused = NULL, paused_error = NULL, resumes_at = NULL
    WHERE a.name = _account;
  IF FOUND THEN
    PERFORM autocalls.drive(_account) WHERE EXISTS (
      SELECT 1 FROM autocalls.waits(ARRAY[_account]));
    RETURN true;
  END IF;
  RETURN false;
END $$;

CREATE FUNCTION autocalls.note_inbound(
  _account text, _sender bigint, _recipient text, _age_seconds float8)
RETURNS void LANGUAGE sql AS $$
  INSERT INTO autocalls.window AS w (account, sender_id, recipient, written_at)
  VALUES (_account, coalesce(_sender, 0), _recipient,
    clock_timestamp() - make_interval(secs => _age_seconds))
  ON CONFLICT (account, sender_id, recipient)
  DO UPDATE SET written_at = greatest(w.written_at, excluded.written_at)
$$;

CREATE FUNCTION autocalls.forget(
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
    UPDATE autocalls.message m SET digest = autocalls.digest(m.content), content = NULL
    WHERE m.id IN (
      SELECT o.id FROM autocalls.message o WHERE o.content IS NOT NULL
        AND o.settled_at < clock_timestamp() - _content_age
        AND o.state IN ('accepted', 'rejected') LIMIT _most)
    RETURNING 1)
  SELECT count(*) INTO contents FROM old;
  DELETE FROM autocalls.window w WHERE w.written_at < clock_timestamp() - interval '1 day';
  RETURN NEXT;
END $$;
