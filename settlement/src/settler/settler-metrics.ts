/** What an operator watches, as Prometheus text (format 0.0.4). Every label is one of a few words. */
export class SettlerMetrics {
  readonly #counters = new Map<string, bigint>()
  readonly #inFlight = new Map<string, number>()
  readonly #gauges: SettlerGauges
  readonly #now: () => number

  /** `now` in ms. */
  constructor(gauges: SettlerGauges, now: () => number) {
    this.#gauges = gauges
    this.#now = now
    for (const name of ['credited_msat', 'released_msat']) this.#counters.set(name, 0n)
    for (const outcome of ['succeeded', 'failed'])
      this.#counters.set(`payouts{outcome="${outcome}"}`, 0n)
  }

  credited(msat: bigint): void {
    this.#add('credited_msat', msat)
  }

  released(msat: bigint): void {
    this.#add('released_msat', msat)
  }

  /** A payout is under way, since now unless it was known. */
  payoutSeen(id: string): void {
    if (!this.#inFlight.has(id)) this.#inFlight.set(id, this.#now())
  }

  payoutEnded(id: string, outcome: 'succeeded' | 'failed'): void {
    this.#inFlight.delete(id)
    this.#add(`payouts{outcome="${outcome}"}`, 1n)
  }

  loopFailed(loop: string): void {
    this.#add(`loop_errors{loop="${loop}"}`, 1n)
  }

  render(): string {
    const { leaseHeld, edgeConnected, simulated } = this.#gauges
    const oldest = Math.min(this.#now(), ...this.#inFlight.values())
    const gauges = {
      payouts_in_flight: this.#inFlight.size,
      /** Since this process has known of it. */
      oldest_payout_seconds: Math.floor((this.#now() - oldest) / 1000),
      lease_held: Number(leaseHeld()),
      edge_connected: Number(edgeConnected()),
      simulated: Number(simulated()),
    }
    const lines = [
      ...Object.entries(gauges).flatMap(([name, value]) => [
        `# TYPE ${PREFIX}${name} gauge`,
        `${PREFIX}${name} ${value}`,
      ]),
      ...counterLines(this.#counters),
    ]
    return `${lines.join('\n')}\n`
  }

  #add(series: string, amount: bigint): void {
    this.#counters.set(series, (this.#counters.get(series) ?? 0n) + amount)
  }
}

export interface SettlerGauges {
  readonly leaseHeld: () => boolean
  readonly edgeConnected: () => boolean
  readonly simulated: () => boolean
}

const PREFIX = 'infernet_settler_'

function counterLines(counters: ReadonlyMap<string, bigint>): string[] {
  const byName = Map.groupBy(counters, ([series]) => series.split('{')[0] ?? '')
  return [...byName].flatMap(([name, series]) => [
    `# TYPE ${PREFIX}${name}_total counter`,
    ...series.map(([key, value]) => `${PREFIX}${name}_total${key.slice(name.length)} ${value}`),
  ])
}
