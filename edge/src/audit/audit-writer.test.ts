import { newJobId } from '@infernet/schemas/ids'
import type { PeerId } from '@infernet/schemas/peer-id'
import { goodConduct } from '@infernet/verification/reputation/conduct'
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../testing/manual-clock.ts'
import { RECORD_RETRY_MS, RECORD_TRIES } from './audit-limits.ts'
import type { Audit, ConductChange } from './audit-port.ts'
import { AuditWriter } from './audit-writer.ts'

const job = newJobId(0)
const audit: Audit = {
  job,
  lease: `${job}.1` as Audit['lease'],
  provider: 'peer' as PeerId,
  model: 'tiny',
  spec: 'spec',
  epoch: 0,
  source: 'sample',
  rate: 1,
  verdict: 'fail',
  logE: 9,
  report: { reason: null, findings: [], replay: null, rescored: null },
  judgedAt: 0,
}
const slash = { id: 'slash_1', evidence: '{}', isOpen: true }

/** Writes to a store that fails the first `failures` times; how often that was asked, and had it in the end. */
async function written(failures: number, change: ConductChange | undefined) {
  const clock = new ManualClock()
  const errors: unknown[] = []
  let tries = 0
  let isStored = false
  const record = async (): Promise<void> => {
    if (++tries <= failures) throw new Error('away')
    isStored = true
  }
  const { later } = clock
  const writer = new AuditWriter({ store: { record }, later, onError: (one) => errors.push(one) })
  writer.write(audit, change)
  for (let i = 0; i < failures + 1; i++) {
    await new Promise(setImmediate)
    clock.advance(RECORD_RETRY_MS)
  }
  expect(clock.waiting).toBe(0)
  return { tries, isStored, errors: errors.length }
}

describe('a verdict', () => {
  it('is written down once', async () => {
    expect(await written(0, undefined)).toEqual({ tries: 1, isStored: true, errors: 0 })
  })

  it('is tried again while the database is away, a few times', async () => {
    const last = RECORD_TRIES - 1
    expect(await written(last, undefined)).toMatchObject({ isStored: true, errors: last })
    const lost = { tries: RECORD_TRIES, isStored: false, errors: RECORD_TRIES }
    expect(await written(RECORD_TRIES + 5, undefined)).toEqual(lost)
    expect(await written(RECORD_TRIES + 5, { conduct: goodConduct(0) })).toEqual(lost)
  })

  it('that convicts is tried until it is written', async () => {
    const failures = 5 * RECORD_TRIES
    const outcome = await written(failures, { conduct: goodConduct(0), slash })
    expect(outcome).toEqual({ tries: failures + 1, isStored: true, errors: failures })
  })
})
