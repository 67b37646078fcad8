import type { GetInfoResponse } from '@lightningpolar/lnd-api/dist/types/lnrpc/GetInfoResponse.js'
import type { GetStateResponse } from '@lightningpolar/lnd-api/dist/types/lnrpc/GetStateResponse.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startSimulatedLightning, type SimulatedLightning } from '../sim/simulated-lightning.ts'
import { connectLnd, unary, type LndConnection } from './lnd-connection.ts'

describe('a connection to LND', () => {
  let lightning: SimulatedLightning
  let lnd: LndConnection
  beforeAll(async () => {
    lightning = await startSimulatedLightning({ aliases: ['alice'] })
    lnd = connectLnd(lightning.server('alice').address())
  })
  afterAll(() => {
    lnd.close()
    lightning.close()
  })
  const info = (deadlineMs?: number) =>
    unary<GetInfoResponse>((options, done) => lnd.lightning.GetInfo({}, options, done), deadlineMs)

  it('does not wait beyond the deadline of a call', async () => {
    expect(await info()).toMatchObject({ syncedToChain: true })
    lightning.server('alice').faults.plan('GetInfo', { kind: 'slow', ms: 60_000 })
    await expect(info(50)).rejects.toMatchObject({ name: 'LightningError', code: 'timeout' })
    expect(await info()).toMatchObject({ syncedToChain: true })
  })

  it('is refused with a macaroon that is none, but for the state of the node', async () => {
    const { socket, certificate } = lightning.server('alice').address()
    for (const macaroon of ['', 'zz', '0201', 'ff'.repeat(100)]) {
      const stranger = connectLnd({ socket, certificate, macaroon })
      const asked = unary<GetInfoResponse>((options, done) =>
        stranger.lightning.GetInfo({}, options, done),
      )
      await expect(asked).rejects.toMatchObject({ code: 'permission' })
      const state = await unary<GetStateResponse>((options, done) =>
        stranger.state.GetState({}, options, done),
      )
      expect(state).toEqual({ state: 'SERVER_ACTIVE' })
      stranger.close()
    }
  })

  it('is not made to a node with another certificate', async () => {
    const other = await startSimulatedLightning({ aliases: ['mallory'] })
    const address = lightning.server('alice').address()
    const stranger = connectLnd({ ...address, socket: other.server('mallory').socket })
    const asked = unary<GetInfoResponse>((options, done) =>
      stranger.lightning.GetInfo({}, options, done),
    )
    await expect(asked).rejects.toMatchObject({ code: 'unavailable' })
    stranger.close()
    other.close()
  })
})
