import { SIMULATED_MARK } from '../simulated-mark.ts'
import { SimNetwork, type SimNetworkOptions } from './sim-network.ts'
import { SimServer } from './sim-server.ts'
import { assertSimulationAllowed } from './simulated.ts'

/** 0.16 BTC each, a little less than LND's largest ordinary channel, and two thirds of it with the hub. */
const HUB_SIDE_MSAT = 10_000_000_000n
const SPOKE_SIDE_MSAT = 6_000_000_000n
/** Often enough that what time does to an invoice is seen soon. */
const TICK_MS = 1000

export interface SimulatedLightningOptions extends SimNetworkOptions {
  /** The first is the hub: it has a channel with each of the others. */
  readonly aliases: readonly string[]
  /** `INFERNET_ENV`. */
  readonly environment?: string | undefined
  readonly log?: (line: string) => void
}

export interface SimulatedLightning {
  readonly network: SimNetwork
  /** The server of a node named in `aliases`. */
  server(alias: string): SimServer
  close(): void
}

/**
 * SIMULATED Lightning in this process: nodes that speak LND's gRPC over TLS on loopback, with real BOLT 11
 * invoices and preimages but without a chain or money. Throws `SimulationError` in production.
 */
export async function startSimulatedLightning(
  options: SimulatedLightningOptions,
): Promise<SimulatedLightning> {
  assertSimulationAllowed(options.environment ?? process.env['INFERNET_ENV'])
  const network = new SimNetwork(options)
  const servers = new Map<string, SimServer>()
  const [hub, ...spokes] = options.aliases.map((alias) => network.node(alias))
  for (const spoke of spokes)
    if (hub !== undefined) network.connect(hub, spoke, HUB_SIDE_MSAT, SPOKE_SIDE_MSAT)
  for (const alias of options.aliases) {
    const server = new SimServer(network, network.node(alias))
    await server.start()
    servers.set(alias, server)
    options.log?.(`${SIMULATED_MARK} Lightning node ${alias} at ${server.socket}`)
  }
  const ticking = setInterval(() => network.tick(), TICK_MS)
  ticking.unref()
  return {
    network,
    server: (alias) => {
      const server = servers.get(alias)
      if (server === undefined) throw new RangeError(`There is no simulated node '${alias}'`)
      return server
    },
    close: () => {
      clearInterval(ticking)
      for (const server of servers.values()) server.stop()
      network.save()
    },
  }
}
