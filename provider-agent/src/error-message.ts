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
