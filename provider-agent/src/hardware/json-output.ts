import type { z } from 'zod'

/** Tools write warnings before their JSON. */
export function parseJson<T>(schema: z.ZodType<T>, stdout: string): T | undefined {
  const start = stdout.search(/^[[{]/m)
  if (start < 0) return undefined
  try {
    return schema.safeParse(JSON.parse(stdout.slice(start))).data
  } catch {
    return undefined
  }
}
