import { leaseOf, newAccountId, newJobId } from '@infernet/schemas/ids'
import { expect, it } from 'vitest'
import { recordOf } from '../testing/job-records.ts'
import { MemoryAudits } from '../testing/memory-audits.ts'
import { receiptJson } from './receipt-json.ts'

it('shows what each provider of an answer has signed, or that it has not', async () => {
  const id = newJobId(0)
  const leg = (n: number) => ({
    providerId: `peer-${n}`,
    lease: leaseOf(id, n),
    promptTokens: 1,
    completionTokens: 1,
    claimedTokens: 1,
    costMsat: 1,
  })
  const record = recordOf(id, newAccountId(0), { priorLegs: [leg(1), leg(2)] })
  const signed = { statement: 'e30', signature: 's', index: 0, size: 1, path: [] }
  const job = { record, receipt: undefined, earlier: [undefined, signed] }
  const services = { audit: undefined, audits: new MemoryAudits() }
  expect(await receiptJson(services, job)).toMatchObject({
    signed: null,
    earlier: [
      { lease: `${id}.1`, provider: 'peer-1', signed: null, statement: null },
      // What is signed is shown, also where it is no statement.
      { lease: `${id}.2`, provider: 'peer-2', signed, statement: null },
    ],
  })
})
