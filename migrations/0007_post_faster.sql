-- "post" of migration 0003 again, with the same rules and errors: codes[n] changes by amounts[n], and is
-- named once; false when the key was there before.
--
-- Statements that name one row by one value are planned once for a connection. Those with an array are
-- planned again at every call, since a plan for any array looks dearer than one for this array, and
-- planning took more time than all else.
--
-- Never a deadlock, as in "post_all": first the key, then accounts in the order of their codes where they
-- are missing, then the lock of each kept balance in the order of the accounts' ids, and nothing after.
CREATE OR REPLACE FUNCTION "post"("event_key" text, "event_kind" text, "happened_at" timestamptz, "codes" text[], "amounts" bigint[])
RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
	event bigint;
	account bigint;
	kept boolean;
	amount bigint;
	total numeric := 0;
	named bigint[] := '{}';
	-- Of the accounts whose balance is kept.
	ids bigint[] := '{}';
	changes bigint[] := '{}';
BEGIN
	FOREACH amount IN ARRAY amounts LOOP
		total := total + amount;
	END LOOP;
	IF total <> 0 OR cardinality(codes) = 0 OR cardinality(codes) <> cardinality(amounts) THEN
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

	FOR n IN 1..cardinality(codes) LOOP
		SELECT known.id, known.tracked INTO account, kept FROM ledger_accounts AS known WHERE known.code = codes[n];
		IF NOT FOUND THEN
			PERFORM open_accounts(codes);
			SELECT known.id, known.tracked INTO account, kept FROM ledger_accounts AS known WHERE known.code = codes[n];
		END IF;
		IF account = ANY (named) THEN
			RAISE EXCEPTION 'an account is named twice' USING ERRCODE = 'LD001';
		END IF;
		named := named || account;
		INSERT INTO entries (journal_id, account_id, amount_msat) VALUES (event, account, amounts[n]);
		IF kept THEN
			ids := ids || account;
			changes := changes || amounts[n];
		END IF;
	END LOOP;

	FOR account, amount IN SELECT line.id, line.change FROM unnest(ids, changes) AS line(id, change) ORDER BY line.id LOOP
		UPDATE ledger_accounts SET balance = balance + amount WHERE id = account;
	END LOOP;
	RETURN true;
END
$$;
