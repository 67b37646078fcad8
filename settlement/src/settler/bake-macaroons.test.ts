import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openLnd } from '../lightning/open-lnd.ts'
import { SimReceiver } from '../testing/sim-receiver.ts'
import { bakeMacaroons } from './bake-macaroons.ts'

describe('macaroons for the settler', () => {
  let node: SimReceiver
  let dir: string
  beforeEach(async () => {
    node = await SimReceiver.start()
    dir = mkdtempSync(join(tmpdir(), 'infernet-bake-'))
  })
  afterEach(() => {
    node.close()
    rmSync(dir, { recursive: true, force: true })
  })

  const role = async (name: string) => {
    const macaroon = readFileSync(join(dir, 'out', `${name}.macaroon`)).toString('hex')
    return await openLnd({ ...node.address(), macaroon })
  }

  it('can do what their task needs and nothing else', async () => {
    const files = await bakeMacaroons(node.address(), join(dir, 'out'), '7')
    expect(files.map((file) => statSync(file).mode & 0o777)).toEqual([0o600, 0o600, 0o600])
    const [intake, payout, recon] = [
      await role('intake'),
      await role('payout'),
      await role('recon'),
    ]
    const invoice = { preimage: 'ab'.repeat(32), amountMsat: 1n, memo: '', expirySeconds: 60 }
    const denied = { code: 'permission' }
    for (const backend of [intake, payout, recon])
      expect(await backend.info()).toMatchObject({ simulated: true })
    expect(await intake.addInvoice(invoice)).toMatchObject({ addIndex: 1n })
    await expect(payout.addInvoice(invoice)).rejects.toMatchObject(denied)
    await expect(recon.addInvoice(invoice)).rejects.toMatchObject(denied)
    await expect(intake.balance()).rejects.toMatchObject(denied)
    expect(await recon.balance()).toMatchObject({ localMsat: 0n })
    for (const backend of [intake, payout, recon]) backend.close()
  })
})
