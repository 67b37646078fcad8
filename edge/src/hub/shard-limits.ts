/** Bounds of the hub shards and their directory, each with its reason. */

/** Shards of one region: with nine regions the directory stays below 150 entries. */
export const MAX_SHARDS_PER_REGION = 16
/** Share of what a shard can hold at which a region opens its next one; the rest is for reconnects. */
export const SHARD_GROWS_AT = 0.5

/** Shards that one job is offered to: each may cost a trip around the world. */
export const MAX_SHARD_ATTEMPTS = 3
/** Jobs whose shard a router remembers for a cancel; far more than one isolate runs at once. */
export const MAX_ROUTED_JOBS = 8_192
/** A shard that could not be reached is asked last for this long. */
export const SHARD_SUSPENDED_MS = 5_000

/** A shard gives an agent 15 s for an invoice (`INVOICE_TIMEOUT_MS`); then it has failed itself. */
export const SHARD_ANSWERS_ASK_WITHIN_MS = 20_000

/** Providers of one model that are listed; nobody reads more. */
export const MAX_LISTED_PROVIDERS = 1_000

/** A shard that has had nothing to tell for this long is taken to hibernate. */
export const SHARD_ASLEEP_AFTER_MS = 60_000

/** A hub tells of its load at most this often. */
export const REPORT_INTERVAL_MS = 1_000
/** A directory that has not answered a report by now has failed. */
export const REPORT_TIMEOUT_MS = 5_000
/** A report that failed is tried again after this, doubled each time. */
export const REPORT_MAX_BACKOFF_MS = 30_000
/** Then the hub waits for its next event: a timer would keep it from hibernating. */
export const MAX_REPORT_ATTEMPTS = 6
/** Free slots that come or go before it is worth a report, as a share of all of a model's. */
export const REPORTED_CHANGE = 1 / 8
/** Models of one shard that its snapshot names, those with the most providers first. */
export const MAX_SNAPSHOT_MODELS = 1_000
/** Models in one answer of the directory, some 10 MB of the 32 MiB that a Worker's RPC carries. */
export const MAX_UPDATE_MODELS = 20_000
/** Logins told of in one report; the others wait for the next. */
export const MAX_REPORTED_LOGINS = 512
/** Logins waiting to be told of: every provider of a full shard, once. */
export const MAX_UNREPORTED_LOGINS = 4_096

/** A directory this old is refreshed before it is used; younger, it is used while it is refreshed. */
export const DIRECTORY_MAX_STALE_MS = 10_000
/** The directory first hears all shards when its life begins: it needs longer than one of them. */
export const DIRECTORY_READ_TIMEOUT_MS = 4_000
/** A refresh that takes longer, or whose request died with it, is given up. */
export const REFRESH_TIMEOUT_MS = 8_000

/** A shard not heard of for this long is asked whether it is still there. */
export const SHARD_PROBE_AFTER_MS = 60_000
/** And after this it is taken out: two questions went unanswered. */
export const SHARD_KEPT_MS = 150_000
/** A shard that has just been created far away answers within this. */
export const SHARD_PROBE_TIMEOUT_MS = 2_000
/** Keys whose last shard is remembered: every provider that all shards can hold. */
export const MAX_KNOWN_PEERS = 600_000
