import { z } from 'zod'
import { hardwareSchema } from '@infernet/schemas/hardware'
import type { PeerId } from '@infernet/schemas/peer-id'
import { modelOfferSchema } from '@infernet/schemas/wire'
import type { ProviderRecord } from '../reputation/provider-port.ts'
import { jsonDocument, standingSchema } from './json-document.ts'

const logs = z.tuple([z.number(), z.number(), z.number()])
const counts = { passed: z.number(), failed: z.number(), unopened: z.number() }
const specAuditsSchema = z
  .object({
    spec: z.string(),
    ...counts,
    inconclusive: z.number(),
    consecutiveValid: z.number(),
    lifetime: logs,
    recent: logs,
    lately: z.object(counts),
  })
  .transform(({ lifetime, recent, ...audits }) => {
    const requests = audits.passed + audits.failed + audits.unopened
    return { ...audits, wealth: { requests, lifetime, recent } }
  })

const percentilesSchema = z
  .tuple([z.number(), z.number(), z.number()])
  .nullable()
  .transform((found) => found && { p50: found[0], p90: found[1], p99: found[2] })
const jobsSchema = z
  .object({
    since: z.number().nullable(),
    completed: z.number(),
    failed: z.number(),
    promptTokens: z.number(),
    completionTokens: z.number(),
    firstByteMs: percentilesSchema,
    totalMs: percentilesSchema,
    speeds: z.array(
      z.object({
        model: z.string(),
        jobs: z.number(),
        firstTokenMs: z.number(),
        tokensPerSecond: z.number(),
      }),
    ),
    parts: z.number(),
  })
  .transform(({ parts, failed, since, firstByteMs, totalMs, ...jobs }) => ({
    ...jobs,
    failed: failed + parts,
    since: since ?? undefined,
    firstByteMs: firstByteMs ?? undefined,
    totalMs: totalMs ?? undefined,
  }))

/** An offer that an older version wrote, and that this one does not know, is left out. */
const modelsSchema = z.array(z.unknown()).transform((models) =>
  models.flatMap((model) => {
    const offer = modelOfferSchema.safeParse(model)
    return offer.success ? [offer.data] : []
  }),
)

/** What another version has written, and this one does not know, is left out. */
const knownHardwareSchema = z.unknown().transform((said) => hardwareSchema.safeParse(said).data)

const recordSchema = z
  .object({
    id: z.string().transform((id) => id as PeerId),
    models: modelsSchema,
    slots: z.number(),
    hardware: knownHardwareSchema,
    firstSeenAt: z.number(),
    lastSeenAt: z.number(),
    standing: standingSchema,
    standingSince: z.number().nullable(),
    offences: z.number(),
    onlineMs: z.number(),
    audits: z.array(specAuditsSchema),
    jobs: jobsSchema,
  })
  .transform(({ standingSince, ...record }): ProviderRecord => ({
    ...record,
    standingSince: standingSince ?? undefined,
  }))

/** The rows of `provider-records.ts`: one JSON document each. */
export const providerRowsSchema = z.array(z.tuple([jsonDocument(recordSchema)]))
