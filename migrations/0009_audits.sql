CREATE TABLE "audits" (
	"lease" text PRIMARY KEY NOT NULL,
	"job_id" text NOT NULL,
	"provider_id" text NOT NULL,
	"model" text NOT NULL,
	"spec" text NOT NULL,
	"epoch" integer NOT NULL,
	"rate" double precision NOT NULL,
	"verdict" text NOT NULL,
	"log_e" double precision NOT NULL,
	"report" jsonb NOT NULL,
	"judged_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "calibrations" (
	"spec" text PRIMARY KEY NOT NULL,
	"calibration" jsonb NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "provider_specs" (
	"provider_id" text NOT NULL,
	"spec" text NOT NULL,
	"lifetime_low" double precision DEFAULT 0 NOT NULL,
	"lifetime_mid" double precision DEFAULT 0 NOT NULL,
	"lifetime_high" double precision DEFAULT 0 NOT NULL,
	"recent_low" double precision DEFAULT 0 NOT NULL,
	"recent_mid" double precision DEFAULT 0 NOT NULL,
	"recent_high" double precision DEFAULT 0 NOT NULL,
	"consecutive_valid" integer DEFAULT 0 NOT NULL,
	"passed" integer DEFAULT 0 NOT NULL,
	"failed" integer DEFAULT 0 NOT NULL,
	"inconclusive" integer DEFAULT 0 NOT NULL,
	"unopened" integer DEFAULT 0 NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "provider_specs_provider_id_spec_pk" PRIMARY KEY("provider_id","spec")
);
--> statement-breakpoint
CREATE INDEX "audits_job" ON "audits" USING btree ("job_id");--> statement-breakpoint
CREATE INDEX "audits_provider_time" ON "audits" USING btree ("provider_id","judged_at");