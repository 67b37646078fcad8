import { STANDINGS, type Standing } from '@infernet/verification/reputation/standing'
import { z } from 'zod'

/** A column of JSON text, which is as `schema` says. */
export const jsonDocument = <Schema extends z.ZodType>(schema: Schema) =>
  z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(schema)

export const standingSchema = z.enum(Object.keys(STANDINGS) as [Standing, ...Standing[]])
