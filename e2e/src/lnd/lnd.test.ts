import { randomBytes } from 'node:crypto'
import {
  testLightningBackend,
  type ConformanceNetwork,
} from '@infernet/settlement/lightning/backend-conformance'
import type { LightningBackend } from '@infernet/settlement/lightning/lightning-backend'
import { openLnd } from '@infernet/settlement/lightning/open-lnd'
import type { LndAddress } from '@infernet/settlement/lightning/lnd/lnd-connection'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { areBuilt, lndBinaries } from './lnd-binaries.ts'
import { RegtestNetwork } from './regtest.ts'

const binaries = lndBinaries()
const START_TIMEOUT_MS = 300_000

describe.skipIf(!areBuilt(binaries))(
  'LND and btcd on regtest (needs them built: node scripts/bootstrap.mjs lnd-tools)',
  () => {
    let regtest: RegtestNetwork
    let nodes: ConformanceNetwork
    const backends: LightningBackend[] = []
    const open = async (address: LndAddress) => {
      const backend = await openLnd(address)
      backends.push(backend)
      return backend
    }
    beforeAll(async () => {
      regtest = await RegtestNetwork.start(binaries, ['alice', 'bob'])
      const [alice, bob] = regtest.nodes
      if (alice === undefined || bob === undefined) throw new Error('The nodes are missing')
      const limited = await alice.bake(['/lnrpc.Lightning/GetInfo'])
      nodes = {
        alice: await open(alice.address()),
        bob: await open(bob.address()),
        limited: await open(alice.address(limited)),
        unreachable: await open({ ...alice.address(), socket: '127.0.0.1:1' }),
        mine: (blocks) => regtest.chain.mine(blocks),
      }
    }, START_TIMEOUT_MS)
    afterAll(async () => {
      for (const backend of backends) backend.close()
      await regtest?.stop()
    }, START_TIMEOUT_MS)

    testLightningBackend(() => nodes)

    it('is not taken for a simulated one', async () => {
      expect(await nodes.alice.info()).toMatchObject({ simulated: false, alias: 'alice' })
    })

    it('knows after a SIGKILL what it was paid before', async () => {
      const [, bob] = regtest.nodes
      const request = {
        preimage: randomBytes(32).toString('hex'),
        amountMsat: 3_000n,
        memo: 'before the crash',
        expirySeconds: 600,
      }
      const { bolt11, paymentHash } = await nodes.bob.addInvoice(request)
      const paid = await nodes.alice.pay({
        to: { kind: 'bolt11', bolt11 },
        feeLimitMsat: 0n,
        timeoutSeconds: 20,
        cltvLimit: 1008,
        maxParts: 1,
      })
      expect(paid).toMatchObject({ status: 'succeeded' })
      await bob?.daemon.crash()
      await bob?.untilReady()
      await expect
        .poll(() => nodes.bob.lookupInvoice(paymentHash).catch(String), { timeout: 30_000 })
        .toMatchObject({ state: 'settled', paidMsat: 3_000n })
      expect(await nodes.bob.addInvoice(request)).toMatchObject({ bolt11 })
    })
  },
)
