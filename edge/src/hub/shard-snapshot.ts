import type { PeerId } from '@infernet/schemas/peer-id'
import type { ServedModel } from '../ports.ts'
import type { Region } from './shard-region.ts'

/** What a hub shard tells of itself; plain data, because it crosses machines. */
export interface ShardLoad {
  readonly shard: string
  /** ms since the epoch, by the hub's clock. */
  readonly at: number
  /** For each of the shard's models, in the order of `models`: what its providers can run at once. */
  readonly slots: readonly number[]
  /** And how much of that is free. A free slot counts for every model that its provider serves. */
  readonly freeSlots: readonly number[]
  readonly jobsInFlight: number
  readonly providers: number
}

export interface ShardSnapshot extends ShardLoad {
  readonly region: Region
  /** Names this state of `models`; another name means that they may have changed. */
  readonly offers: string
  readonly models: readonly ServedModel[]
}

/** The part of a snapshot that changes with every job. */
export function loadOfShard(snapshot: ShardSnapshot): ShardLoad {
  const { shard, at, slots, freeSlots, jobsInFlight, providers } = snapshot
  return { shard, at, slots, freeSlots, jobsInFlight, providers }
}

/** A key has logged in to a shard. */
export interface ShardLogin {
  readonly peer: PeerId
  /** ms since the epoch, by the shard's clock. */
  readonly at: number
}

/** A state of the directory; the next process of the same directory has another `epoch`. */
export interface DirectoryVersion {
  readonly epoch: string
  readonly count: number
}

/** What has changed in the directory since the version that its reader has. */
export interface DirectoryUpdate {
  readonly version: DirectoryVersion
  /** Every shard there is; one that is not named is gone. */
  readonly shards: readonly string[]
  readonly changed: readonly (ShardSnapshot | ShardLoad)[]
  /** Models offered at any time by anybody; absent when unchanged. */
  readonly known?: readonly string[]
}
