CREATE TABLE "earlier_parts" (
	"lease" text PRIMARY KEY NOT NULL,
	"job_id" text NOT NULL,
	"account_id" text NOT NULL,
	"provider_id" text NOT NULL,
	"model" text NOT NULL,
	"cost_msat" bigint NOT NULL,
	"fee_bps" integer NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"held_until" timestamp with time zone,
	"released_at" timestamp with time zone,
	"slash_id" text,
	"is_forfeit" boolean
);
--> statement-breakpoint
CREATE INDEX "earlier_parts_unreleased" ON "earlier_parts" USING btree ("lease") WHERE "earlier_parts"."cost_msat" > 0 and "earlier_parts"."released_at" is null;--> statement-breakpoint
CREATE INDEX "earlier_parts_provider" ON "earlier_parts" USING btree ("provider_id") WHERE "earlier_parts"."released_at" is null;--> statement-breakpoint
INSERT INTO "earlier_parts" ("lease", "job_id", "account_id", "provider_id", "model", "cost_msat", "fee_bps", "created_at", "held_until")
SELECT leg."lease", "id", "account_id", leg."providerId", "model", leg."costMsat", "fee_bps", "created_at", "held_until"
FROM "jobs" CROSS JOIN jsonb_to_recordset(coalesce("prior_legs", '[]')) AS leg("lease" text, "providerId" text, "costMsat" bigint)
WHERE "cost_msat" > 0 AND "released_at" IS NULL;
