import { z } from 'zod'
import { isLeaseId } from './ids.ts'
import { isPeerId } from './peer-id.ts'

const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const unixSeconds = z.int().nonnegative()
const msat = z.string().regex(/^\d+$/)

/** Hex digits of its evidence's SHA-256 that a slash's id has. */
const ID_DIGITS = 32
const SLASH_ID = /^slash_[0-9a-f]{32}$/

/** What a slash is called by the SHA-256, hex, of its evidence. */
export const slashIdOf = (evidenceSha256: string): string =>
  `slash_${evidenceSha256.slice(0, ID_DIGITS)}`

export const isSlashId = (text: string): boolean => SLASH_ID.test(text)

/** What anybody may know of a slash: `GET /v1/slashes/{id}`. Times in Unix seconds. */
export const slashFactsSchema = z.object({
  id: z.string().refine(isSlashId),
  object: z.literal('slash'),
  provider: z.string().refine(isPeerId),
  spec: sha256,
  model: z.string(),
  /** The answer that convicted it. */
  lease: z.string().refine(isLeaseId),
  /** `due`: final, and being carried out. `lifted`: an appeal was upheld. */
  state: z.enum(['open', 'appealed', 'due', 'final', 'lifted']),
  evidence_sha256: sha256,
  /** Anybody may read the evidence. */
  evidence_open: z.boolean(),
  /** Jobs since then that were not paid for yet are undone. */
  affected_from: unixSeconds,
  opened_at: unixSeconds,
  appeal_until: unixSeconds,
  appealed_at: unixSeconds.nullable(),
  decided_at: unixSeconds.nullable(),
  /** Given back to clients, and kept by the operator; null until it is final. */
  refunded_msat: msat.nullable(),
  forfeited_msat: msat.nullable(),
})
export type SlashFacts = z.infer<typeof slashFactsSchema>
