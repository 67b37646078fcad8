/** Bounds that only the edge knows, each with its reason. Shared ones are in `@infernet/schemas/limits`. */

/** Open requests per account: enough for a busy service, small against one hub's capacity. */
export const MAX_OPEN_HOLDS = 64
/** Providers one hub serves: a Durable Object's memory, at about 20 KiB a socket. */
export const MAX_PROVIDERS = 4096
/** Jobs in flight in one hub; each may hold a window of bytes. */
export const MAX_JOBS = 2048
/** Providers a job is offered to before its client hears of the failure. */
export const MAX_ATTEMPTS = 3
/** Leases of one job: failures, and providers that were only busy; a lease number has two digits. */
export const MAX_OFFERS = 24
/** Offers of peers, connected or not, whose measures are kept; each takes under a kilobyte. */
export const MAX_MEASURED_OFFERS = 2 * MAX_PROVIDERS
/** Random candidates that the matcher looks at when its first two are full. */
export const MAX_CANDIDATES = 16

/** Jobs that wait for a provider to have room, in one hub: some seconds' work for a busy one. */
export const MAX_QUEUED = 512
/** Of one account, so that it cannot keep others out. */
export const MAX_QUEUED_PER_ACCOUNT = 64
/** A wait that clients bear; beyond it they hear 503 and may go elsewhere. */
export const QUEUE_WAIT_MS = 10_000

/** A large job must first reach its provider: the accept clock allows for this, about 0.5 Mbit/s. */
export const SLOWEST_DOWNLINK_BYTES_PER_MS = 64
/** A provider must take or refuse an offered job within this time. */
export const ACCEPT_TIMEOUT_MS = 5_000
/** Until a stream's first byte: covers a long prefill on a slow card. */
export const FIRST_BYTE_TIMEOUT_MS = 60_000
/** Until a whole JSON answer: nothing shows before it is complete. */
export const WHOLE_ANSWER_TIMEOUT_MS = 300_000
/** Between two chunks of a stream. */
export const IDLE_TIMEOUT_MS = 60_000
/** A provider that says it is busy is left alone for at least this long. */
export const MIN_BUSY_MS = 100
/** A waiting client hears a comment this often: below the 15 s after which some proxies cut. */
export const KEEP_ALIVE_MS = 10_000
/** The whole job with all its attempts; OpenAI's SDK gives up at the same time. */
export const JOB_DEADLINE_MS = 600_000
/** A client that wants its answer verified waits so long for the verdict: an opening over a slow uplink, and a score. */
export const VERDICT_WAIT_MS = 120_000
/** A cancelled provider reports what it did within this time, or earns for the prompt nothing. */
export const CANCEL_GRACE_MS = 2_000
/** How often the hub looks for jobs past their time; coarse, because it only runs while jobs do. */
export const SWEEP_INTERVAL_MS = 100

/** A hold outlives its job's deadline by this, for a capture that is late. */
export const HOLD_GRACE_MS = 60_000
/** Settled events waiting for Postgres, per account object; beyond it no new hold is made. */
export const MAX_OUTBOX_EVENTS = 100_000
/** Events written to Postgres in one statement. */
export const OUTBOX_BATCH = 500
/** How long settled events gather before they are written. */
export const OUTBOX_DELAY_MS = 500
export const OUTBOX_MAX_BACKOFF_MS = 30_000

/** API keys remembered by one isolate, good and bad. */
export const MAX_CACHED_KEYS = 10_000
/** A revoked key keeps working for at most this long. */
export const KEY_TTL_MS = 60_000
/** A key that was not found is looked up again after this. */
export const UNKNOWN_KEY_TTL_MS = 10_000

/** Model names remembered as known but not served, so that they answer 503 instead of 404. */
export const MAX_KNOWN_MODELS = 2_000
/** Postgres is asked for those names again so long after it did not answer. */
export const KNOWN_MODELS_RETRY_MS = 5_000
/** Batches of receipts one provider may have unacknowledged; agents send four at a time. */
export const MAX_RECEIPT_BATCHES = 8
/** Receipts written in one statement, of whatever providers; 15 full batches fit. */
export const MAX_RECEIPTS_PER_STATEMENT = 1_000
/** Time between two such statements, unless half a statement has gathered: agents do not wait for it. */
export const RECEIPT_INTERVAL_MS = 200
/** Until receipts are tried again that a database could not take. Each hub has one statement under way, so no jitter. */
export const RECEIPT_RETRY_MS = 2_000
/** Receipts that wait for it in one hub: about 40 MB. */
export const MAX_KEPT_RECEIPTS = 20_000
/** Invoices one provider may be asked for at a time: a payee has one payout under way, and its tries. */
export const MAX_INVOICE_ASKS = 4
/** An agent asks its node, which takes a second or two when it is busy, and it may be starting. */
export const INVOICE_TIMEOUT_MS = 15_000
/** Leases whose receipts may still come. */
export const MAX_AWAITED_RECEIPTS = 20_000

/** Age of the directory a Worker matches against. */
export const DIRECTORY_TTL_MS = 1_000
/** A provider whose line was cut dials again within a second or two; then it goes on where nobody else has. */
export const RETURN_WAIT_MS = 5_000
/** What a client is told to wait when every provider is full. */
export const BUSY_RETRY_AFTER_MS = 2_000
export const NO_PROVIDER_RETRY_AFTER_MS = 10_000
/** How long `GET /v1/receipts/{id}` waits for the provider's receipt. */
export const RECEIPT_WAIT_MS = 2_000
/** How long a stored response is kept; OpenAI's. */
export const RESPONSE_TTL_MS = 30 * 24 * 60 * 60 * 1000
/** How long a request waits for a stored response that may still be on its way to Postgres. */
export const RESPONSE_WAIT_MS = 1_000
/** Stored responses that one request may refer to beside the previous one: each is a query. */
export const MAX_REFERENCED_RESPONSES = 64

/** Live balances that are told something at once: each is a call to its object, and a write to Postgres. */
export const MAX_TRANSFERS_AT_ONCE = 8

/** An order of money has a dozen short fields. */
export const MAX_ORDER_BODY_BYTES = 16 * 1024
/** Time to find one's phone, and to try again. */
export const TOP_UP_EXPIRY_SECONDS = 3_600
/** Invoices of an account that can be paid: LND keeps each in memory. */
export const MAX_OPEN_TOP_UPS = 20
/** Withdrawals of an account that are not over: they are paid one after the other. */
export const MAX_OPEN_WITHDRAWALS = 10
/** An account's orders that are looked at for open ones: more than may be open. */
export const RECENT_ORDERS = 100
/** How long an order waits for its invoice, which takes the settler some 100 ms. */
export const ORDERED_INVOICE = { everyMs: 200, waitMs: 5_000 } as const
/** Streams that watch a top-up, per process: each is a query per second. */
export const MAX_TOP_UP_STREAMS = 100
export const MAX_TOP_UP_STREAMS_PER_ACCOUNT = 10
/** How long one of them lives; a Worker may make 1,000 calls in it. */
export const TOP_UP_EVENTS_MS = 600_000
export const TOP_UP_EVENTS_POLL_MS = 1_000
/** What a client is told to wait for payments to work again. */
export const BILLING_RETRY_AFTER_MS = 10_000
/** Requests of one bundle at once, by whomever: a bundle has no operator who could set it. */
export const MAX_BUNDLE_REQUESTS = 16
/** L402 credentials that one isolate remembers as good, and bundles as credited: a few hundred bytes each. */
export const MAX_CACHED_BUNDLES = 10_000
/** How long a bundle's token is good for: a master key is kept as long after its successor. */
export const BUNDLE_LIFETIME_S = 30 * 24 * 60 * 60
/** To be paid by somebody who sits there and waits, perhaps for another's wallet. */
export const BUNDLE_INVOICE_EXPIRY_S = 600
/** Who asks the same again within this time gets the same invoice. */
export const CHALLENGE_TTL_MS = 60_000
/** New invoices for one network in a minute: enough for a household or an office. */
export const CHALLENGES_PER_NETWORK = 10
/** The same for all networks: what Postgres and the node bear for weeks. */
export const CHALLENGES_PER_MINUTE = 300
/** The settler makes a bundle's invoice within this time, or the client is asked to come back. */
export const BUNDLE_INVOICE = { everyMs: 100, waitMs: 5_000 } as const
/** How long it is believed who settles, or that nobody does. */
export const SETTLER_NODE_TTL_MS = 5_000
/** A paid invoice is on its way from the node to the balance; a request waits so long for it. */
export const CREDIT_WAIT_MS = 5_000
/** How often the edge looks for it. */
export const CREDIT_POLL_MS = 100
/** What a client is told to wait after that. */
export const CREDIT_RETRY_AFTER_MS = 2_000
