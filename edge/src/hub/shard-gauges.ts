import { Gauge, renderMetrics } from '../metrics.ts'
import type { ShardLoad } from './shard-snapshot.ts'

/** Prometheus text: how many providers and jobs each shard has. */
export function shardGauges(shards: readonly ShardLoad[]): string {
  const gauge = (name: string, help: string, read: (shard: ShardLoad) => number): Gauge =>
    new Gauge(name, help, () =>
      shards.map((shard) => ({ labels: { shard: shard.shard }, value: read(shard) })),
    )
  return renderMetrics([
    gauge('infernet_shard_providers', 'Providers of a shard.', ({ providers }) => providers),
    gauge('infernet_shard_jobs', 'Jobs running in a shard.', ({ jobsInFlight }) => jobsInFlight),
  ])
}
