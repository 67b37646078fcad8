CREATE TABLE "canary_prompts" (
	"job_id" text PRIMARY KEY NOT NULL,
	"endpoint" text NOT NULL,
	"model" text NOT NULL,
	"body" text NOT NULL,
	"provider_id" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"canary_job_id" text,
	"used_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "provider_conduct" (
	"provider_id" text PRIMARY KEY NOT NULL,
	"standing" text NOT NULL,
	"since" timestamp with time zone NOT NULL,
	"offences" integer NOT NULL,
	"slash_id" text
);
--> statement-breakpoint
CREATE TABLE "provider_hours" (
	"provider_id" text NOT NULL,
	"hour" timestamp with time zone NOT NULL,
	"online_ms" bigint NOT NULL,
	CONSTRAINT "provider_hours_provider_id_hour_pk" PRIMARY KEY("provider_id","hour")
);
--> statement-breakpoint
CREATE TABLE "slashes" (
	"id" text PRIMARY KEY NOT NULL,
	"provider_id" text NOT NULL,
	"spec" text NOT NULL,
	"model" text NOT NULL,
	"lease" text NOT NULL,
	"state" text NOT NULL,
	"evidence_sha256" text NOT NULL,
	"evidence" text NOT NULL,
	"is_open" boolean NOT NULL,
	"affected_from" timestamp with time zone NOT NULL,
	"opened_at" timestamp with time zone NOT NULL,
	"appeal_until" timestamp with time zone NOT NULL,
	"appealed_at" timestamp with time zone,
	"appeal" text,
	"decided_at" timestamp with time zone,
	"refunded_msat" bigint,
	"forfeited_msat" bigint
);
--> statement-breakpoint
ALTER TABLE "audits" ADD COLUMN "source" text DEFAULT 'sample' NOT NULL;--> statement-breakpoint
ALTER TABLE "provider_specs" ADD COLUMN "unopened_in_row" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "provider_specs" ADD COLUMN "trusted_until" timestamp with time zone DEFAULT 'epoch' NOT NULL;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "slash_id" text;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "is_forfeit" boolean;--> statement-breakpoint
CREATE INDEX "canary_prompts_unused" ON "canary_prompts" USING btree ("model","created_at") WHERE "canary_prompts"."used_at" is null;--> statement-breakpoint
CREATE INDEX "canary_prompts_canary" ON "canary_prompts" USING btree ("canary_job_id");--> statement-breakpoint
CREATE INDEX "slashes_provider" ON "slashes" USING btree ("provider_id","opened_at");--> statement-breakpoint
CREATE INDEX "slashes_open" ON "slashes" USING btree ("appeal_until") WHERE "slashes"."state" in ('open', 'due');--> statement-breakpoint
CREATE INDEX "audits_failed" ON "audits" USING btree ("judged_at") WHERE "audits"."verdict" = 'fail';--> statement-breakpoint
CREATE INDEX "jobs_selected" ON "jobs" USING btree ("id") WHERE "jobs"."held_until" is not null and "jobs"."released_at" is null;--> statement-breakpoint
CREATE INDEX "jobs_slashed" ON "jobs" USING btree ("id") WHERE "jobs"."slash_id" is not null and "jobs"."released_at" is null;