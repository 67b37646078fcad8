import { auditVerdictSchema } from '@infernet/schemas/audit-report'
import { z } from 'zod'

/** The member of an answer, or of a stream's last chunk, in which this edge speaks for itself. */
export const NOTE_KEY = 'infernet'

/** What an answer says of its own verification, where its client asked for `verify: "strict"`. */
export const verificationNoteSchema = z.object({
  verification: z.object({
    verdict: z
      .enum([...auditVerdictSchema.options, 'pending'])
      .describe('`pending`: not known in time; the receipt will have it'),
    log_e: z
      .number()
      .nullable()
      .describe('ln of the evidence that this answer is not what was promised'),
    reason: z.string().nullable().describe('Why, where the verdict alone does not say it'),
    lease: z.string().nullable().describe('The one that was looked at'),
    spec: z.string().nullable().describe('SHA-256 of what the provider says it runs'),
  }),
})
export type VerificationNote = z.infer<typeof verificationNoteSchema>

/**
 * The note of a whole answer or of a chunk, parsed from JSON. Engines may write a member of that name too: only the
 * last word of an answer whose client waited for the verdict is the edge's.
 */
export function noteIn(value: unknown): VerificationNote | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  return verificationNoteSchema.safeParse((value as Record<string, unknown>)[NOTE_KEY]).data
}
