import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LightningBackend } from '@infernet/settlement/lightning/lightning-backend'
import { openLnd } from '@infernet/settlement/lightning/open-lnd'
import {
  AGENT_URIS,
  INTAKE_URIS,
  PAYOUT_URIS,
  RECONCILE_URIS,
} from '@infernet/settlement/lightning/lnd/macaroon-roles'
import type { LndBinaries } from '@infernet/settlement/testing/regtest/lnd-binaries'
import { RegtestNetwork } from '@infernet/settlement/testing/regtest/regtest'
import { Service } from '../processes.ts'

/** What a node's operator gives to the programs beside it. */
export interface NodeFolder {
  /** `host:port` of its gRPC. */
  readonly socket: string
  /** Has `tls.cert` and `<role>.macaroon`. */
  readonly folder: string
}

/** Three nodes: who settles, who tops up, who is paid; and the wallets of the last two. */
export interface TestLightning {
  readonly simulated: boolean
  readonly operator: NodeFolder
  readonly provider: NodeFolder
  readonly operatorNode: LightningBackend
  readonly client: LightningBackend
  readonly providerNode: LightningBackend
  stop(): Promise<void>
}

/** More than any way between these nodes costs. */
export const FEE_LIMIT_MSAT = 1_000n

/** An invoice of the client's own wallet. */
export async function clientInvoice(lightning: TestLightning, amountMsat: bigint): Promise<string> {
  const preimage = randomBytes(32).toString('hex')
  const order = { preimage, amountMsat, memo: 'mine', expirySeconds: 3_600 }
  return (await lightning.client.addInvoice(order)).bolt11
}

const ALIASES = ['operator', 'client', 'provider'] as const

/** SIMULATED, in a process of its own, which no kill of anything else touches. */
export async function simulatedLightning(): Promise<TestLightning> {
  const dir = await mkdtemp(join(tmpdir(), 'infernet-sim-'))
  const args = ['--data', dir, '--nodes', ALIASES.join(',')]
  const service = new Service('lightning', 'settlement/src/lightning/sim/main.ts', args)
  await service.line((line) => line['ready'] === true)
  const nodes = await Promise.all(
    ALIASES.map(async (alias) => {
      const folder = join(dir, alias)
      return { folder, socket: await readFile(join(folder, 'socket'), 'utf8') }
    }),
  )
  return await withWallets(nodes, true, async () => {
    await service.kill()
    await rm(dir, { recursive: true, force: true })
  })
}

/** Real LNDs on regtest, with macaroons baked as an operator would. */
export async function regtestLightning(binaries: LndBinaries): Promise<TestLightning> {
  const regtest = await RegtestNetwork.start(binaries, ALIASES)
  const dir = await mkdtemp(join(tmpdir(), 'infernet-lnd-'))
  const roles = {
    intake: INTAKE_URIS,
    payout: PAYOUT_URIS,
    recon: RECONCILE_URIS,
    agent: AGENT_URIS,
  }
  const nodes = await Promise.all(
    regtest.nodes.map(async (node) => {
      const folder = join(dir, node.name)
      await mkdir(folder)
      const { socket, certificate, macaroon } = node.address()
      await writeFile(join(folder, 'tls.cert'), certificate)
      await writeFile(join(folder, 'admin.macaroon'), Buffer.from(macaroon, 'hex'))
      for (const [role, uris] of Object.entries(roles))
        await writeFile(join(folder, `${role}.macaroon`), Buffer.from(await node.bake(uris), 'hex'))
      return { folder, socket }
    }),
  )
  return await withWallets(nodes, false, async () => {
    await regtest.stop()
    await rm(dir, { recursive: true, force: true })
  })
}

async function withWallets(
  nodes: readonly NodeFolder[],
  simulated: boolean,
  stop: () => Promise<void>,
): Promise<TestLightning> {
  const [operator, client, provider] = nodes
  if (operator === undefined || client === undefined || provider === undefined)
    throw new Error('Three nodes are needed')
  const wallets = await Promise.all([operator, client, provider].map(openAsAdmin))
  const [operatorNode, clientNode, providerNode] = wallets as [
    LightningBackend,
    LightningBackend,
    LightningBackend,
  ]
  return {
    simulated,
    operator,
    provider,
    operatorNode,
    client: clientNode,
    providerNode,
    stop: async () => {
      for (const wallet of wallets) wallet.close()
      await stop()
    },
  }
}

async function openAsAdmin({ socket, folder }: NodeFolder): Promise<LightningBackend> {
  const macaroon = await readFile(join(folder, 'admin.macaroon'), 'hex')
  return await openLnd({
    socket,
    macaroon,
    certificate: await readFile(join(folder, 'tls.cert'), 'utf8'),
  })
}
