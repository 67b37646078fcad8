/** Every bound that both ends of the wire must agree on, each with its reason. */

/** One frame's payload: a u24 length field, and small enough that a hostile peer cannot make us buffer more. */
export const MAX_FRAME_PAYLOAD_BYTES = 12 * 1024 * 1024
/** One WebSocket message: below the 32 MiB that Durable Objects accept, above one job frame. */
export const MAX_MESSAGE_BYTES = 16 * 1024 * 1024
/** Frames in one message: a sender coalesces one tick's frames; more than this is an attack on our loop. */
export const MAX_FRAMES_PER_MESSAGE = 4096
/** JSON control payloads (hello, capability, end, error …); capability records are the largest. */
export const MAX_CONTROL_BYTES = 64 * 1024
/** One batch of receipts: {@link MAX_RECEIPTS_PER_BATCH} of the largest statements in base64url. */
export const MAX_RECEIPTS_BYTES = 320 * 1024
/** One data frame: a burst of SSE events; senders split above it so that one job cannot block others. */
export const MAX_DATA_BYTES = 256 * 1024
/** The client's request body: fits images as data URLs, and one job frame with its header. */
export const MAX_REQUEST_BODY_BYTES = 8 * 1024 * 1024
/** A non-streaming answer, buffered by the edge before it is forwarded. */
export const MAX_ANSWER_BYTES = 8 * 1024 * 1024

/** Bytes a provider may have in flight to the edge for one job before it must wait for credit. */
export const JOB_WINDOW_BYTES = 256 * 1024

/** A capability record must fit a Durable Object's socket attachment (16 KiB) with the login state. */
export const MAX_CAPABILITY_BYTES = 12 * 1024
/** One as it is signed: its peer, its time and a hash beside it take some 250 bytes. */
export const MAX_CAPABILITY_RECORD_BYTES = MAX_CAPABILITY_BYTES + 512
/** What of it nobody is shown: {@link MAX_ANNOUNCED_GPUS} hashes, and a payout to a long Lightning address. */
export const MAX_CAPABILITY_HIDDEN_BYTES = 2048
export const MAX_MODELS_PER_PROVIDER = 64
export const MAX_MODEL_NAME_LENGTH = 128
/** A GPU's or a processor's name, as its maker writes it: the longest of ours have half of it. */
export const MAX_HARDWARE_NAME_LENGTH = 96
/** A GPU driver's version: real ones have some ten characters. */
export const MAX_DRIVER_LENGTH = 32
/** GPUs of one provider: the largest single machines have sixteen. */
export const MAX_ANNOUNCED_GPUS = 16
/** NVIDIA cuts a GPU into seven at most. */
export const MAX_MIG_INSTANCES = 7
/** Models of a provider whose speed is announced: few are served at a time. */
export const MAX_MEASURED_MODELS = 16
/** Jobs a provider may declare to run at once; vLLM's default batch is 256. */
export const MAX_SLOTS = 1024

/** A login must follow its challenge within this time, or the socket is closed. */
export const CHALLENGE_TTL_MS = 10_000
/** Tolerated difference between the clocks of agent and edge. */
export const MAX_CLOCK_SKEW_MS = 60_000
/** The agent says `ping` this often; the edge drops a provider silent for three of them. */
export const PING_INTERVAL_MS = 20_000

/** Receipts signed together: the Merkle path stays at six hashes. */
export const MAX_RECEIPTS_PER_BATCH = 64
/** One encoded statement: above the 2,700 that its longest strings need when every character is escaped. */
export const MAX_RECEIPT_STATEMENT_BYTES = 3072

/** Candidates listed with a token: vLLM's own limit, and half of what llama.cpp's usual top_k leaves. */
export const MAX_CANDIDATES = 20
/** The same, as a verifier lists them: more than llama.cpp's usual top_k leaves, so that its cuts can be made again. */
export const MAX_SCORED_CANDIDATES = 64
/** Tokens of a prompt, or of an answer, that a provider can be held to. */
export const MAX_TRANSCRIPT_TOKENS = 131_072
/** One opened transcript: fits a frame, and {@link MAX_TRANSCRIPT_TOKENS} only with few candidates each. */
export const MAX_TRANSCRIPT_BYTES = 8 * 1024 * 1024
/** A transcript, or a part of one, behind its header. */
export const MAX_AUDIT_BYTES = MAX_TRANSCRIPT_BYTES + 1024
/** An answer's text that is compared with its tokens: UTF-8 of 200,000 tokens of English. */
export const MAX_COMPARED_TEXT_BYTES = 1024 * 1024
/** A prompt's ids and an answer's text, behind their header. */
export const MAX_RENDERED_BYTES = 4 * MAX_TRANSCRIPT_TOKENS + MAX_COMPARED_TEXT_BYTES + 1024

/** A threshold that a provider may set, in sat: 1 BTC, far above what anybody leaves with an edge. */
export const MAX_PAYOUT_THRESHOLD_SAT = 100_000_000
/** A payout's name is part of a derived preimage's; the longest of ours has less than half. */
export const MAX_PAYOUT_ID_LENGTH = 128
/** Nobody tries that often; see `derivePreimage` in settlement. */
export const MAX_PAYOUT_ATTEMPT = 1_000_000
/** An invoice with all that it may carry: real ones have 300 to 1,200 characters. */
export const MAX_BOLT11_LENGTH = 4096

/** Tokens one request may produce when neither client nor model says less. */
export const MAX_OUTPUT_TOKENS = 1_000_000

/** Seeds that the gateway chooses fit every engine: 32 bits, and below the one that llama.cpp takes for "any". */
export const MAX_GATEWAY_SEED = 2 ** 32 - 2
