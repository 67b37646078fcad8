/** Bounds of self-tests, each with its reason. */

/** Enough to see that an answer comes, and little work for anybody. */
export const SELF_TEST_TOKENS = 8
/** A provider may try again while its owner looks on. */
export const SELF_TEST_INTERVAL_MS = 10_000
export const SELF_TESTS_PER_DAY = 100
/** In one hub, of all its providers: each is a stream and a timer. */
export const MAX_SELF_TESTS = 32
/** Providers whose self-tests are counted: twice as many as a hub serves. */
export const MAX_COUNTED_PROVIDERS = 8_192
/** Leases whose receipts are still acknowledged, though nobody keeps them: an agent may be away for a while. */
export const MAX_SELF_TEST_LEASES = 4_096
/** A cold model is read within it; the agent waits a minute for the whole test. */
export const SELF_TEST_DEADLINE_MS = 40_000
/** A receipt is signed within 50 ms, and written in batches. */
export const SELF_TEST_RECEIPT_WAIT_MS = 8_000
/** What eight tokens take at most with all that belongs to a chunk; who sends more is cut off. */
export const MAX_SELF_TEST_ANSWER_BYTES = 64 * 1024
/** A shard ends its test itself before. */
export const SHARD_ANSWERS_SELF_TEST_WITHIN_MS = 55_000
