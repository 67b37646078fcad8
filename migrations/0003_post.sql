-- Balances change all the time: with room in their pages they change in place, and no index is written.
ALTER TABLE "ledger_accounts" SET (fillfactor = 50);
--> statement-breakpoint
-- The rules of ACCOUNT_KINDS in settlement/src/ledger/account-code.ts, by what stands before the colon.
CREATE FUNCTION "ledger_kind_rules"() RETURNS TABLE ("kind" text, "must_cover" boolean, "tracked" boolean)
LANGUAGE sql IMMUTABLE AS $$
	VALUES
		('client', true, true),
		('l402', true, true),
		('provider_pending', true, true),
		('provider', true, true),
		('escrow', true, true),
		('payout_inflight', true, true),
		('suspense', false, true),
		('revenue', false, false),
		('expense', false, false),
		('asset', false, false),
		('equity', false, false)
$$;
--> statement-breakpoint
-- `splitFee` in settlement/src/ledger/fee.ts: the fee is rounded up, the provider gets the rest.
CREATE FUNCTION "platform_fee"("gross" bigint, "bps" integer) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
	SELECT ("gross" * "bps" + 9999) / 10000
$$;
--> statement-breakpoint
-- Makes the accounts that are missing. In order of their codes, so that two writers who make the same
-- ones never wait for each other in a circle.
CREATE FUNCTION "open_accounts"("codes" text[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	unknown text;
BEGIN
	SELECT line.code INTO unknown FROM unnest(codes) AS line(code)
	WHERE split_part(line.code, ':', 1) NOT IN (SELECT rules.kind FROM ledger_kind_rules() AS rules)
		OR line.code IS NULL
	LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'no kind of account begins like %', coalesce(unknown, 'null') USING ERRCODE = 'LD003';
	END IF;
	INSERT INTO ledger_accounts (code, must_cover, tracked)
	SELECT DISTINCT line.code, rules.must_cover, rules.tracked
	FROM unnest(codes) AS line(code)
	JOIN ledger_kind_rules() AS rules ON rules.kind = split_part(line.code, ':', 1)
	WHERE NOT EXISTS (SELECT FROM ledger_accounts AS known WHERE known.code = line.code)
	ORDER BY line.code
	ON CONFLICT (code) DO NOTHING;
END
$$;
--> statement-breakpoint
-- Posts events, all of them or none, each once for its key. Event n is keys[n], kinds[n], ats[n] and the
-- lines whose posting is n: what the account `code` changes by. Returns the keys that were new.
--
-- Errors: LD001 an event that does not sum to zero, or has no lines; LD002 a known key with other
-- entries; LD003 no such kind of account; 23514 (ledger_accounts_covered) an account would have less
-- than nothing.
--
-- Never a deadlock: every writer first inserts keys in their order, then makes accounts in the order of
-- their codes, then locks accounts in the order of their ids, and locks nothing after.
CREATE FUNCTION "post_all"(
	"keys" text[], "kinds" text[], "ats" timestamptz[],
	"postings" integer[], "codes" text[], "amounts" bigint[]
) RETURNS text[]
LANGUAGE plpgsql AS $$
DECLARE
	-- By event: its row in the journal, null when its key was there before.
	ids bigint[];
	-- By line.
	accounts bigint[];
BEGIN
	IF EXISTS (
		SELECT FROM generate_subscripts(keys, 1) AS n
		FULL JOIN unnest(postings, amounts) AS line(posting, amount) ON line.posting = n
		GROUP BY n
		HAVING n IS NULL OR sum(line.amount) IS DISTINCT FROM 0
	) THEN
		RAISE EXCEPTION 'the entries of an event do not sum to zero' USING ERRCODE = 'LD001';
	END IF;

	WITH fresh AS (
		INSERT INTO journal (key, kind, at)
		SELECT event.key, event.kind, event.at
		FROM unnest(keys, kinds, ats) AS event(key, kind, at)
		ORDER BY event.key
		ON CONFLICT (key) DO NOTHING
		RETURNING id, key
	)
	SELECT array_agg(fresh.id ORDER BY event.n) INTO ids
	FROM unnest(keys) WITH ORDINALITY AS event(key, n)
	LEFT JOIN fresh ON fresh.key = event.key;

	FOR attempt IN 1..2 LOOP
		SELECT array_agg(account.id ORDER BY line.n) INTO accounts
		FROM unnest(codes) WITH ORDINALITY AS line(code, n)
		LEFT JOIN ledger_accounts AS account ON account.code = line.code;
		EXIT WHEN array_position(accounts, NULL) IS NULL;
		PERFORM open_accounts(codes);
	END LOOP;

	IF array_position(ids, NULL) IS NOT NULL AND EXISTS (
		WITH sent AS (
			SELECT keys[line.posting], kinds[line.posting], line.account, line.amount
			FROM unnest(postings, accounts, amounts) AS line(posting, account, amount)
			WHERE ids[line.posting] IS NULL
		), posted AS (
			SELECT known.key, known.kind, entry.account_id, entry.amount_msat
			FROM unnest(keys, ids) AS event(key, id)
			JOIN journal AS known ON known.key = event.key
			JOIN entries AS entry ON entry.journal_id = known.id
			WHERE event.id IS NULL
		)
		(TABLE sent EXCEPT TABLE posted) UNION ALL (TABLE posted EXCEPT TABLE sent)
	) THEN
		RAISE EXCEPTION 'a key was posted before with other entries' USING ERRCODE = 'LD002';
	END IF;

	PERFORM FROM ledger_accounts AS account
	WHERE account.id = ANY (accounts) AND account.tracked
	ORDER BY account.id
	FOR NO KEY UPDATE;

	UPDATE ledger_accounts AS account SET balance = account.balance + change.amount
	FROM (
		SELECT line.account, sum(line.amount)::bigint AS amount
		FROM unnest(postings, accounts, amounts) AS line(posting, account, amount)
		WHERE ids[line.posting] IS NOT NULL
		GROUP BY line.account
	) AS change
	WHERE account.id = change.account AND account.tracked;

	INSERT INTO entries (journal_id, account_id, amount_msat)
	SELECT ids[line.posting], line.account, line.amount
	FROM unnest(postings, accounts, amounts) AS line(posting, account, amount)
	WHERE ids[line.posting] IS NOT NULL;

	RETURN ARRAY(SELECT event.key FROM unnest(keys, ids) AS event(key, id) WHERE event.id IS NOT NULL);
END
$$;
--> statement-breakpoint
-- Posts one event; false when its key was there before. The same as "post_all" in fewer statements, since
-- payouts and top-ups come one by one; codes[n] changes by amounts[n], and is named once.
CREATE FUNCTION "post"("event_key" text, "event_kind" text, "happened_at" timestamptz, "codes" text[], "amounts" bigint[])
RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
	event bigint;
	amount bigint;
	total numeric := 0;
	written integer;
BEGIN
	FOREACH amount IN ARRAY amounts LOOP
		total := total + amount;
	END LOOP;
	IF total <> 0 OR cardinality(codes) = 0 THEN
		RAISE EXCEPTION 'the entries of an event do not sum to zero' USING ERRCODE = 'LD001';
	END IF;

	INSERT INTO journal (key, kind, at) VALUES (event_key, event_kind, happened_at)
	ON CONFLICT (key) DO NOTHING
	RETURNING id INTO event;
	IF event IS NULL THEN
		-- Which also says whether it had these entries.
		RETURN cardinality(post_all(
			ARRAY[event_key], ARRAY[event_kind], ARRAY[happened_at],
			array_fill(1, ARRAY[cardinality(codes)]), codes, amounts
		)) = 1;
	END IF;

	IF (SELECT count(*) FROM ledger_accounts AS account WHERE account.code = ANY (codes)) < cardinality(codes) THEN
		PERFORM open_accounts(codes);
	END IF;

	WITH locked AS MATERIALIZED (
		SELECT account.id, account.code FROM ledger_accounts AS account
		WHERE account.code = ANY (codes) AND account.tracked
		ORDER BY account.id
		FOR NO KEY UPDATE
	), moved AS (
		UPDATE ledger_accounts AS account
		SET balance = account.balance + amounts[array_position(codes, locked.code)]
		FROM locked
		WHERE account.id = locked.id
	)
	INSERT INTO entries (journal_id, account_id, amount_msat)
	SELECT event, account.id, amounts[array_position(codes, account.code)]
	FROM ledger_accounts AS account
	WHERE account.code = ANY (codes);
	GET DIAGNOSTICS written = ROW_COUNT;
	IF written <> cardinality(codes) OR written <> cardinality(amounts) THEN
		RAISE EXCEPTION 'an account is named twice, or has no amount' USING ERRCODE = 'LD001';
	END IF;
	RETURN true;
END
$$;
--> statement-breakpoint
-- What the table of events before this one knew, as it was charged: without a fee.
WITH event AS (
	SELECT
		old.account_id, old.kind, old.amount_msat, old.happened_at, job.provider_id, job.prior_legs,
		CASE old.kind
			WHEN 'deposit' THEN 'grant:' || old.account_id || substr(old.idempotency_key, length('deposit') + 1)
			ELSE 'cap' || substr(old.idempotency_key, length('job') + 1)
		END AS key
	FROM ledger_events AS old
	LEFT JOIN jobs AS job ON old.kind = 'capture' AND job.id = substr(old.idempotency_key, length('job:') + 1)
	WHERE old.amount_msat <> 0
), leg AS (
	SELECT event.key, prior."providerId" AS provider_id, prior."costMsat" AS cost
	FROM event
	CROSS JOIN jsonb_to_recordset(coalesce(event.prior_legs, '[]'))
		AS prior("providerId" text, "costMsat" bigint)
), line AS (
	SELECT key, 'client:' || account_id AS code, amount_msat AS amount FROM event
	UNION ALL
	SELECT key, 'equity:operator', -amount_msat FROM event WHERE kind = 'deposit'
	UNION ALL
	-- A job whose row was deleted does not say whom it owes.
	SELECT key, coalesce('provider_pending:' || provider_id, 'suspense'), cost FROM leg
	UNION ALL
	SELECT event.key, coalesce('provider_pending:' || event.provider_id, 'suspense'),
		-event.amount_msat - coalesce((SELECT sum(leg.cost) FROM leg WHERE leg.key = event.key), 0)
	FROM event WHERE event.kind = 'capture'
), account AS (
	INSERT INTO ledger_accounts (code, must_cover, tracked, balance)
	SELECT line.code, rules.must_cover, rules.tracked, CASE WHEN rules.tracked THEN sum(line.amount) ELSE 0 END
	FROM line JOIN ledger_kind_rules() AS rules ON rules.kind = split_part(line.code, ':', 1)
	GROUP BY line.code, rules.must_cover, rules.tracked
	ORDER BY line.code
	RETURNING id, code
), posted AS (
	INSERT INTO journal (key, kind, at)
	SELECT key, CASE kind WHEN 'deposit' THEN 'grant' ELSE kind END, happened_at FROM event
	ORDER BY happened_at, key
	RETURNING id, key
)
INSERT INTO entries (journal_id, account_id, amount_msat)
SELECT posted.id, account.id, sum(line.amount)
FROM line JOIN posted USING (key) JOIN account USING (code)
GROUP BY posted.id, account.id
HAVING sum(line.amount) <> 0;
