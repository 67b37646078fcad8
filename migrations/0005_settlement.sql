CREATE TABLE "account_transfers" (
	"reference" text PRIMARY KEY NOT NULL,
	"account_id" text NOT NULL,
	"amount_msat" bigint NOT NULL,
	"state" text DEFAULT 'pending' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "account_transfers_not_zero" CHECK ("account_transfers"."amount_msat" <> 0)
);
--> statement-breakpoint
CREATE TABLE "escrows" (
	"payment_hash" text PRIMARY KEY NOT NULL,
	"job" text NOT NULL,
	"attempt" integer NOT NULL,
	"payer" text NOT NULL,
	"amount_msat" bigint NOT NULL,
	"memo" text NOT NULL,
	"expiry_seconds" integer NOT NULL,
	"cltv_expiry" integer NOT NULL,
	"state" text DEFAULT 'quoted' NOT NULL,
	"created_at" bigint NOT NULL,
	"expires_at" bigint,
	"bolt11" text,
	"htlc_expiry_height" integer,
	"decision" jsonb,
	"paid_msat" bigint DEFAULT 0 NOT NULL,
	"cancel_reason" text
);
--> statement-breakpoint
CREATE TABLE "payout_attempts" (
	"payout_id" text NOT NULL,
	"number" integer NOT NULL,
	"payment_hash" text NOT NULL,
	"target" jsonb NOT NULL,
	"state" text DEFAULT 'unresolved' NOT NULL,
	"preimage" text,
	"fee_msat" bigint,
	"failure" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "payout_attempts_payout_id_number_pk" PRIMARY KEY("payout_id","number")
);
--> statement-breakpoint
CREATE TABLE "payouts" (
	"id" text PRIMARY KEY NOT NULL,
	"owner" text NOT NULL,
	"amount_msat" bigint NOT NULL,
	"fee_reserve_msat" bigint NOT NULL,
	"fee_limit_msat" bigint NOT NULL,
	"destination" jsonb NOT NULL,
	"state" text DEFAULT 'open' NOT NULL,
	"failure" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"finished_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "priced_jobs" (
	"id" text PRIMARY KEY NOT NULL,
	"account_id" text NOT NULL,
	"api_key_id" text NOT NULL,
	"request_id" text NOT NULL,
	"endpoint" text NOT NULL,
	"model" text NOT NULL,
	"request" text NOT NULL,
	"price_msat" bigint NOT NULL,
	"fee_bps" integer NOT NULL,
	"state" text DEFAULT 'quoted' NOT NULL,
	"claim" text,
	"claimed_until" timestamp with time zone,
	"provider_id" text,
	"result" text,
	"error" jsonb,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"finished_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "settle_indexes" (
	"node_pubkey" text PRIMARY KEY NOT NULL,
	"settle_index" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "settler_lease" (
	"id" integer PRIMARY KEY NOT NULL,
	"holder" text NOT NULL,
	"epoch" bigint NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"node_pubkey" text NOT NULL,
	"network" text NOT NULL,
	"simulated" boolean NOT NULL
);
--> statement-breakpoint
CREATE TABLE "top_ups" (
	"id" text PRIMARY KEY NOT NULL,
	"account_id" text,
	"credited_to" text,
	"amount_msat" bigint NOT NULL,
	"memo" text NOT NULL,
	"expiry_seconds" integer NOT NULL,
	"payment_hash" text,
	"state" text DEFAULT 'requested' NOT NULL,
	"bolt11" text,
	"expires_at" bigint,
	"created_at" bigint NOT NULL,
	"settled_at" timestamp with time zone,
	"paid_msat" bigint DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE TABLE "withdrawals" (
	"id" text PRIMARY KEY NOT NULL,
	"account_id" text NOT NULL,
	"amount_msat" bigint NOT NULL,
	"fee_reserve_msat" bigint NOT NULL,
	"destination" jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "released_at" timestamp with time zone;--> statement-breakpoint
CREATE INDEX "account_transfers_account" ON "account_transfers" USING btree ("account_id","created_at");--> statement-breakpoint
CREATE INDEX "account_transfers_pending" ON "account_transfers" USING btree ("created_at") WHERE "account_transfers"."state" = 'pending';--> statement-breakpoint
CREATE UNIQUE INDEX "escrows_job" ON "escrows" USING btree ("job","attempt");--> statement-breakpoint
CREATE INDEX "escrows_unfinished" ON "escrows" USING btree ("payment_hash") WHERE "escrows"."state" not in ('settled', 'cancelled');--> statement-breakpoint
CREATE UNIQUE INDEX "payout_attempts_hash" ON "payout_attempts" USING btree ("payment_hash");--> statement-breakpoint
CREATE INDEX "payouts_owner" ON "payouts" USING btree ("owner","created_at");--> statement-breakpoint
CREATE UNIQUE INDEX "payouts_under_way" ON "payouts" USING btree ("owner") WHERE "payouts"."state" in ('open', 'paying');--> statement-breakpoint
CREATE INDEX "payouts_unfinished" ON "payouts" USING btree ("id") WHERE "payouts"."state" in ('open', 'paying');--> statement-breakpoint
CREATE INDEX "priced_jobs_account" ON "priced_jobs" USING btree ("account_id","created_at");--> statement-breakpoint
CREATE INDEX "priced_jobs_unfinished" ON "priced_jobs" USING btree ("id") WHERE "priced_jobs"."state" in ('quoted', 'running');--> statement-breakpoint
CREATE UNIQUE INDEX "top_ups_hash" ON "top_ups" USING btree ("payment_hash");--> statement-breakpoint
CREATE INDEX "top_ups_account" ON "top_ups" USING btree ("account_id","created_at");--> statement-breakpoint
CREATE INDEX "top_ups_unfinished" ON "top_ups" USING btree ("id") WHERE "top_ups"."state" in ('requested', 'open');--> statement-breakpoint
CREATE INDEX "withdrawals_account" ON "withdrawals" USING btree ("account_id","created_at");--> statement-breakpoint
CREATE INDEX "jobs_unreleased" ON "jobs" USING btree ("id") WHERE "jobs"."cost_msat" > 0 and "jobs"."released_at" is null;