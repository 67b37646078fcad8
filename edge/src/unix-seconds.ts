/** A time of ours, in ms since the epoch, as clients are told it: whole Unix seconds. */
export const unixSeconds = (ms: number): number => Math.floor(ms / 1000)
