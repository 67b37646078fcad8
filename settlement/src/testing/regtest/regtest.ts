import { mkdtemp, rm } from 'node:fs/promises'
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BitcoinChain, MINER_ADDRESS, RPC_PASSWORD, RPC_USER } from './bitcoin-chain.ts'
import { Daemon, freePort } from './daemon.ts'
import type { LndBinaries } from './lnd-binaries.ts'
import { LndNode } from './lnd-node.ts'

const FUNDS_SAT = 200_000_000n
/** LND's largest ordinary channel is 16,777,215 sat. */
const CHANNEL_SAT = 16_000_000n
const PUSH_SAT = 6_000_000n

/** btcd and some LNDs on free ports of loopback, the first with a channel to each of the others. */
export class RegtestNetwork {
  readonly chain: BitcoinChain
  readonly nodes: readonly LndNode[]
  readonly #btcd: Daemon
  readonly #run: string

  private constructor(chain: BitcoinChain, btcd: Daemon, nodes: readonly LndNode[], run: string) {
    this.chain = chain
    this.nodes = nodes
    this.#btcd = btcd
    this.#run = run
  }

  /** Resolves when payments can be made; stops what it started when that does not come about. */
  static async start(binaries: LndBinaries, names: readonly string[]): Promise<RegtestNetwork> {
    const run = await mkdtemp(join(tmpdir(), 'infernet-regtest-'))
    const certificateFile = join(run, 'rpc.cert')
    const port = await freePort()
    const btcd = startBtcd(binaries.btcd, run, certificateFile, port, await freePort())
    const chain = new BitcoinChain(port, () => readFileSync(certificateFile, 'utf8'))
    const nodes: LndNode[] = []
    const network = new RegtestNetwork(chain, btcd, nodes, run)
    try {
      await btcd.until('its start', async () => (await chain.height()) === 0)
      await chain.begin()
      const address = { port, certificateFile }
      for (const name of names) nodes.push(await LndNode.start(binaries.lnd, run, name, address))
      await Promise.all(nodes.map((node) => node.untilReady()))
      await chain.fund(await Promise.all(nodes.map((node) => node.newAddress())), FUNDS_SAT)
      await Promise.all(nodes.map((node) => node.untilFunded()))
      await network.#openChannels()
      return network
    } catch (error) {
      await network.stop()
      throw error
    }
  }

  async #openChannels(): Promise<void> {
    const [hub, ...spokes] = this.nodes
    if (hub === undefined) return
    for (const spoke of spokes) {
      await hub.openChannel(spoke, CHANNEL_SAT, PUSH_SAT)
      await this.chain.mine(6)
      await Promise.all([hub.untilChannel(spoke), spoke.untilChannel(hub)])
      await Promise.all([hub.untilPays(spoke), spoke.untilPays(hub)])
      await Promise.all([hub.untilQuiet(), spoke.untilQuiet()])
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()))
    await this.#btcd.stop()
    await rm(this.#run, { recursive: true, force: true })
  }
}

function startBtcd(
  program: string,
  run: string,
  certificateFile: string,
  rpcPort: number,
  peerPort: number,
): Daemon {
  const args = [
    '--regtest',
    '--txindex',
    '--nobanning',
    '--nostalldetect',
    '--trickleinterval=100ms',
    '--rpcmaxwebsockets=50',
    `--rpcuser=${RPC_USER}`,
    `--rpcpass=${RPC_PASSWORD}`,
    `--rpccert=${certificateFile}`,
    `--rpckey=${join(run, 'rpc.key')}`,
    `--rpclisten=127.0.0.1:${rpcPort}`,
    `--listen=127.0.0.1:${peerPort}`,
    `--datadir=${join(run, 'btcd')}`,
    `--logdir=${join(run, 'btcd')}`,
    `--miningaddr=${MINER_ADDRESS}`,
  ]
  return new Daemon('btcd', program, args, join(run, 'btcd.log'))
}
