import { z } from 'zod'
import { plainText } from './plain-text.ts'

const envelopeSchema = z.object({ error: z.object({ message: z.string() }) })

/** The message in the JSON of an error envelope, as edges and agents write it; undefined in any other text. */
export function errorMessageIn(text: string): string | undefined {
  try {
    return plainText(envelopeSchema.parse(JSON.parse(text)).error.message)
  } catch {
    return undefined
  }
}

/** What an error says, whatever was thrown. */
export const errorMessage = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)

/** Why a `fetch` failed: it says only that it did, and what failed is its cause. */
export function fetchReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause, message } = error
  return cause instanceof Error && cause.message !== '' ? cause.message : message
}
