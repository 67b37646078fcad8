CREATE TABLE "entries" (
	"journal_id" bigint NOT NULL,
	"account_id" bigint NOT NULL,
	"amount_msat" bigint NOT NULL,
	CONSTRAINT "entries_journal_id_account_id_pk" PRIMARY KEY("journal_id","account_id"),
	CONSTRAINT "entries_not_zero" CHECK ("entries"."amount_msat" <> 0)
);
--> statement-breakpoint
CREATE TABLE "journal" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "journal_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"key" text NOT NULL,
	"kind" text NOT NULL,
	"at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "ledger_accounts" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "ledger_accounts_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"code" text NOT NULL,
	"must_cover" boolean NOT NULL,
	"tracked" boolean NOT NULL,
	"balance" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "ledger_accounts_covered" CHECK (not "ledger_accounts"."must_cover" or "ledger_accounts"."balance" >= 0),
	CONSTRAINT "ledger_accounts_tracked" CHECK ("ledger_accounts"."tracked" or ("ledger_accounts"."balance" = 0 and not "ledger_accounts"."must_cover"))
);
--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "fee_bps" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX "entries_account" ON "entries" USING btree ("account_id","journal_id");--> statement-breakpoint
CREATE UNIQUE INDEX "journal_key" ON "journal" USING btree ("key");--> statement-breakpoint
CREATE UNIQUE INDEX "ledger_accounts_code" ON "ledger_accounts" USING btree ("code");