import { MAX_LIVE_ESCROWS } from '@infernet/settlement/escrow/escrow-limits'

/** Quotes and paid jobs of one account at a time: each may hold a slot of a channel for hours. */
export const MAX_OPEN_JOBS_PER_ACCOUNT = 20
/** Of all accounts: the settler opens no more escrows. */
export const MAX_OPEN_JOBS = MAX_LIVE_ESCROWS
/** Jobs that one process runs at once; what is beyond is asked for again. */
export const MAX_RUNNING_JOBS = 32
/** A runner that has not renewed its claim for so long is taken for dead, and another runs the job. */
export const JOB_CLAIM_MS = 30_000
export const JOB_CLAIM_RENEW_MS = 10_000
/** Between two tries to store how a job ended. */
export const STORE_RETRY = { firstMs: 500, maxMs: 30_000 }
