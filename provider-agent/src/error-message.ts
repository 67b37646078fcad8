import { z } from 'zod'

const envelopeSchema = z.object({ error: z.object({ message: z.string() }) })

/** The message in the JSON of an error envelope, as edges and agents write it; undefined in any other text. */
export function errorMessageIn(text: string): string | undefined {
  try {
    return envelopeSchema.parse(JSON.parse(text)).error.message
  } catch {
    return undefined
  }
}
