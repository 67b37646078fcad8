import { MAX_JOBS, MAX_PROVIDERS } from '../limits.ts'
import { MAX_SHARDS_PER_REGION, SHARD_GROWS_AT } from './shard-limits.ts'
import { shardName, type Region } from './shard-region.ts'
import type { ShardLoad } from './shard-snapshot.ts'

/** How much of what one hub can hold is in use: places for providers, or for jobs. */
const fullness = (load: ShardLoad | undefined): number =>
  load === undefined ? 0 : Math.max(load.providers / MAX_PROVIDERS, load.jobsInFlight / MAX_JOBS)

/**
 * The shard that a connecting provider goes to: of two of its region's open shards drawn at random,
 * the emptier; a new one when all are half full. The first shard of a region is always open.
 *
 * Drawn, not the emptiest of all: after a deploy thousands of providers choose by the same directory,
 * and must not all go to the same place.
 */
export function placeProvider(
  shards: Iterable<ShardLoad>,
  region: Region,
  random: () => number,
): string {
  const loads = new Map([...shards].map((load) => [load.shard, load]))
  const names = Array.from({ length: MAX_SHARDS_PER_REGION }, (_, index) =>
    shardName(region, index),
  )
  const isOpen = (name: string, index: number): boolean => index === 0 || loads.has(name)
  const open = names.filter(isOpen)
  const roomy = open.filter((name) => fullness(loads.get(name)) < SHARD_GROWS_AT)
  const unopened = names.find((name, index) => !isOpen(name, index))
  if (roomy.length === 0 && unopened !== undefined) return unopened
  const choices = roomy.length > 0 ? roomy : open
  const draw = (): string => choices[Math.floor(random() * choices.length)] ?? shardName(region, 0)
  const [first, second] = [draw(), draw()]
  return fullness(loads.get(first)) <= fullness(loads.get(second)) ? first : second
}
