-- `ownerCode` in settlement/src/ledger/live-account.ts: the ledger's code of a live account. A bundle's
-- live account is `l402_<payment hash>`.
CREATE FUNCTION "owner_code"("account_id" text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN "account_id" LIKE 'l402\_%' THEN 'l402:' || substr("account_id", 6) ELSE 'client:' || "account_id" END
$$;
--> statement-breakpoint
-- `liveAccount` in settlement/src/ledger/live-account.ts: null where a code has no live balance.
CREATE FUNCTION "live_account"("code" text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN "code" LIKE 'client:%' THEN substr("code", 8) WHEN "code" LIKE 'l402:%' THEN 'l402_' || substr("code", 6) END
$$;
--> statement-breakpoint
-- Posts `{"key", "kind", "entries": [{"account", "amount"}]}`, a `Posting` whose amounts are decimal
-- strings, as of now; false when its key was there before. Errors are those of "post".
CREATE FUNCTION "post_json"("posting" jsonb) RETURNS boolean
LANGUAGE sql AS $$
	SELECT post(
		"posting" ->> 'key', "posting" ->> 'kind', clock_timestamp(),
		array_agg(entry ->> 'account' ORDER BY n), array_agg((entry ->> 'amount')::bigint ORDER BY n)
	)
	FROM jsonb_array_elements("posting" -> 'entries') WITH ORDINALITY AS line(entry, n)
$$;
--> statement-breakpoint
-- Leaves word for a live balance, once per reference. Nothing for a code that has none, or for 0.
CREATE FUNCTION "tell_account"("reference" text, "code" text, "amount" bigint) RETURNS boolean
LANGUAGE sql AS $$
	WITH told AS (
		INSERT INTO account_transfers (reference, account_id, amount_msat)
		SELECT tell_account.reference, live_account("code"), "amount"
		WHERE live_account("code") IS NOT NULL AND "amount" <> 0
		ON CONFLICT (reference) DO NOTHING
		RETURNING true
	)
	SELECT EXISTS (SELECT FROM told)
$$;
