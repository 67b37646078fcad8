CREATE TABLE "responses" (
	"id" text PRIMARY KEY NOT NULL,
	"account_id" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"response" jsonb NOT NULL,
	"input_items" jsonb NOT NULL
);
--> statement-breakpoint
ALTER TABLE "accounts" ADD COLUMN "requests_per_minute" integer;--> statement-breakpoint
ALTER TABLE "accounts" ADD COLUMN "tokens_per_minute" integer;--> statement-breakpoint
ALTER TABLE "accounts" ADD COLUMN "max_concurrent" integer DEFAULT 64;--> statement-breakpoint
ALTER TABLE "accounts" ADD COLUMN "budget_msat_per_day" bigint;--> statement-breakpoint
ALTER TABLE "api_keys" ADD COLUMN "requests_per_minute" integer;--> statement-breakpoint
ALTER TABLE "api_keys" ADD COLUMN "tokens_per_minute" integer;--> statement-breakpoint
ALTER TABLE "api_keys" ADD COLUMN "max_concurrent" integer;--> statement-breakpoint
ALTER TABLE "api_keys" ADD COLUMN "budget_msat_per_day" bigint;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "endpoint" text DEFAULT 'chat.completions' NOT NULL;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "generation_id" text;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "prior_legs" jsonb;--> statement-breakpoint
ALTER TABLE "responses" ADD CONSTRAINT "responses_account_id_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."accounts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "responses_account_time" ON "responses" USING btree ("account_id","created_at");--> statement-breakpoint
CREATE INDEX "responses_expiry" ON "responses" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "jobs_generation" ON "jobs" USING btree ("account_id","generation_id");