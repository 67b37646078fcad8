import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  testLightningBackend,
  type ConformanceNetwork,
} from '@infernet/settlement/lightning/backend-conformance'
import type { LightningBackend } from '@infernet/settlement/lightning/lightning-backend'
import { openLnd } from '@infernet/settlement/lightning/open-lnd'
import {
  connectLnd,
  unary,
  type LndAddress,
} from '@infernet/settlement/lightning/lnd/lnd-connection'
import { bakeMacaroons } from '@infernet/settlement/settler/bake-macaroons'
import { invoicePayment } from '@infernet/settlement/testing/payment-order'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { areBuilt, lndBinaries } from '@infernet/settlement/testing/regtest/lnd-binaries'
import { RegtestNetwork } from '@infernet/settlement/testing/regtest/regtest'

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
      nodes = {
        alice: await open(alice.address()),
        bob: await open(bob.address()),
        bobWith: async (uris) => open(bob.address(await bob.bake(uris))),
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

    it('forgets macaroons with the root key that they were baked with', async () => {
      const admin = regtest.nodes[0]!.address()
      const dir = await mkdtemp(join(tmpdir(), 'infernet-bake-'))
      const files = await bakeMacaroons(admin, dir, '7')
      const baked = await Promise.all(
        files.map(async (file) => open({ ...admin, macaroon: await readFile(file, 'hex') })),
      )
      for (const backend of baked) expect(await backend.info()).toMatchObject({ alias: 'alice' })
      const lnd = connectLnd(admin)
      await unary((options, done) =>
        lnd.lightning.DeleteMacaroonID({ rootKeyId: '7' }, options, done),
      )
      lnd.close()
      for (const backend of baked)
        await expect(backend.info()).rejects.toMatchObject({ code: 'permission' })
      expect(await nodes.alice.info()).toMatchObject({ alias: 'alice' })
      await rm(dir, { recursive: true })
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
      const paid = await nodes.alice.pay(invoicePayment(bolt11))
      expect(paid).toMatchObject({ status: 'succeeded' })
      await bob?.daemon.crash()
      await bob?.untilReady()
      await expect
        .poll(() => nodes.bob.lookupInvoice(paymentHash).catch(String), { timeout: 30_000 })
        .toMatchObject({ state: 'settled', paidMsat: 3_000n })
      expect(await nodes.bob.addInvoice(request)).toMatchObject({ bolt11 })
    })

    it('goes on with a payment under way after a SIGKILL', async () => {
      const [alice] = regtest.nodes
      const preimage = randomBytes(32).toString('hex')
      const paymentHash = createHash('sha256').update(Buffer.from(preimage, 'hex')).digest('hex')
      const held = await nodes.bob.addHoldInvoice({
        paymentHash,
        amountMsat: 4_000n,
        memo: 'held over the crash',
        expirySeconds: 600,
        cltvExpiry: 80,
      })
      // The channel may still be coming back from the crash before: a failure says nothing was sent.
      const order = invoicePayment(held.bolt11)
      const paying: Promise<unknown>[] = []
      await expect
        .poll(
          async () => {
            const outcome = await nodes.alice.track(paymentHash, { waitMs: 0 })
            if (outcome.status !== 'in_flight') paying.push(nodes.alice.pay(order))
            return (await nodes.bob.lookupInvoice(paymentHash))?.state
          },
          { timeout: 30_000, interval: 500 },
        )
        .toBe('accepted')
      await alice?.daemon.crash()
      const outcomes = await Promise.all(paying)
      expect(outcomes.at(-1)).toMatchObject({ status: 'unknown' })
      expect(await nodes.alice.pay(order)).toMatchObject({ status: 'unknown' })
      await alice?.untilReady()
      await expect
        .poll(() => nodes.alice.track(paymentHash, { waitMs: 0 }), { timeout: 30_000 })
        .toEqual({ status: 'in_flight' })
      await nodes.bob.settle(preimage)
      expect(await nodes.alice.pay(order)).toMatchObject({ status: 'succeeded', preimage })
    })
  },
)
