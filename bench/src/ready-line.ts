import { z } from 'zod'

/** What the bench's own servers print when they listen. */
export const listening = z.object({ ready: z.literal(true), url: z.string() })

/** Makes a line parser that passes over lines that are not JSON of this shape. */
export function lineParser<T>(schema: z.ZodType<T>): (line: string) => T | undefined {
  return (line) => {
    if (!line.startsWith('{')) return undefined
    try {
      return schema.safeParse(JSON.parse(line)).data
    } catch {
      return undefined
    }
  }
}
