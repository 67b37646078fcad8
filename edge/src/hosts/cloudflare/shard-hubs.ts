import { waitUntil } from 'cloudflare:workers'
import { crashable, HUB_POINTS } from '../../crash-points.ts'
import type { EdgeEvents } from '../../events.ts'
import { DirectoryCache } from '../../hub/shard-directory-cache.ts'
import { inTime } from '../../hub/in-time.ts'
import { placeProvider } from '../../hub/shard-placement.ts'
import { DIRECTORY_READ_TIMEOUT_MS, SHARD_PROBE_TIMEOUT_MS } from '../../hub/shard-limits.ts'
import { regionOf, REGIONS, shardName, type Region } from '../../hub/shard-region.ts'
import { ShardRouter } from '../../hub/shard-router.ts'
import type { DirectoryUpdate, DirectoryVersion, ShardLoad } from '../../hub/shard-snapshot.ts'
import type { HubPort } from '../../ports.ts'
import { atOf, directoryOf, hubOf, type WorkerEnv } from './env.ts'
import type { HubObject } from './hub-object.ts'

type IncomingRequest = Request<unknown, IncomingRequestCfProperties>

/** The hub shards as one isolate of the Worker sees them. */
export interface ShardHubs {
  readonly hub: HubPort
  /** The shard's object for a provider that connects with this request. */
  forProvider(request: IncomingRequest): Promise<DurableObjectStub<HubObject>>
  /** Where this isolate is: where its last request came from, since an isolate stays in one place. */
  seen(request: IncomingRequest): void
}

/** The version of a directory that was put together without the directory object. */
const MAKESHIFT = 'makeshift'

/**
 * News from the directory. A process that cannot reach it and knows no shard yet asks the first shard
 * of each region itself.
 */
async function read(env: WorkerEnv, since: DirectoryVersion | undefined): Promise<DirectoryUpdate> {
  try {
    return await inTime(directoryOf(env).read(since), DIRECTORY_READ_TIMEOUT_MS)
  } catch (error) {
    if (since !== undefined && since.epoch !== MAKESHIFT) throw error
    const asked = REGIONS.map((region) => {
      return inTime(hubOf(env, shardName(region, 0)).snapshot(), SHARD_PROBE_TIMEOUT_MS)
    })
    const answers = await Promise.allSettled(asked)
    const found = answers.flatMap((answer) =>
      answer.status === 'fulfilled' && answer.value.providers > 0 ? [answer.value] : [],
    )
    if (found.length === 0) throw error
    const version = { epoch: MAKESHIFT, count: (since?.count ?? 0) + 1 }
    return { version, shards: found.map(({ shard }) => shard), changed: found }
  }
}

export function shardHubs(env: WorkerEnv, events: EdgeEvents): ShardHubs {
  let region: Region | undefined
  const cache = new DirectoryCache({
    load: (since) => read(env, since),
    background: waitUntil,
    now: Date.now,
    onError: (error) => events.directoryFailed(error),
  })
  const router = new ShardRouter({
    directory: () => cache.current(),
    locate: (peers) => directoryOf(env).locate(peers),
    hub: (shard) => hubOf(env, shard),
    region: () => region ?? regionOf(undefined),
    random: Math.random,
    now: Date.now,
    onShardError: (shard, error) => events.shardFailed(shard, error),
  })
  /** Providers find a hub even while the directory cannot be reached. */
  async function shardsNow(): Promise<Iterable<ShardLoad>> {
    try {
      return (await cache.current()).shards
    } catch (error) {
      events.directoryFailed(error)
      return []
    }
  }
  return {
    hub: crashable<HubPort>(router, HUB_POINTS, atOf(env)),
    seen: (request) => {
      region = regionOf(request.cf)
    },
    forProvider: async (request) => {
      const shards = await shardsNow()
      return hubOf(env, placeProvider(shards, regionOf(request.cf), Math.random))
    },
  }
}
