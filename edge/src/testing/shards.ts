import type { ServedModel } from '../ports.ts'
import { regionOfShard } from '../hub/shard-region.ts'
import type { ShardSnapshot } from '../hub/shard-snapshot.ts'

export const servedModel = (id: string, fields: Partial<ServedModel> = {}): ServedModel => ({
  id,
  contextLength: 128,
  maxPrice: { prompt: 2, completion: 2 },
  minPrice: { prompt: 1, completion: 1 },
  providers: 1,
  capabilities: [],
  endpoints: ['chat.completions'],
  quantizations: [],
  since: 1_000,
  ...fields,
})

/** A shard that serves `models`, each with `free` of `slots`. */
export function shardOf(
  shard: string,
  models: readonly string[],
  fields: Partial<ShardSnapshot> & { free?: number; slotsEach?: number } = {},
): ShardSnapshot {
  const { free = 4, slotsEach = 4, ...rest } = fields
  const region = regionOfShard(shard)
  if (region === undefined) throw new Error(`not a shard: ${shard}`)
  return {
    shard,
    region,
    at: 1_000,
    offers: models.join(' '),
    models: models.map((id) => servedModel(id)),
    slots: models.map(() => slotsEach),
    freeSlots: models.map(() => free),
    jobsInFlight: 0,
    providers: 1,
    ...rest,
  }
}
