/** Answer tokens of one run: 8,192 answers of the usual length; as numbers 16 MB. */
export const MAX_MEASURED_TOKENS = 1024 * 1024
/** Requests of one run: beyond that, rates that calibrations know (0.001) are long known. */
export const MAX_REQUESTS = 8_192
/** Of one answer: longer ones tell nothing that shorter ones do not. */
export const MAX_ANSWER_TOKENS = 4_096
/** All sample files together: what a run at its limits may write, at up to 50 bytes a token. */
export const MAX_SAMPLES_BYTES = 64 * 1024 * 1024
/** With fewer requests, answers that are noisier than most have hardly been met: see `calibrate`. */
export const ENOUGH_REQUESTS = 200
