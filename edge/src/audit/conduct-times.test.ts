import { CONDUCT_TIMES } from '@infernet/verification/reputation/conduct'
import { describe, expect, it } from 'vitest'
import { ConductTimesError, parseConductTimes } from './conduct-times.ts'

describe('how long suspensions and appeals last', () => {
  it('is as documented where the operator says nothing', () =>
    expect(parseConductTimes({ appeal: '', accusation: undefined })).toEqual(CONDUCT_TIMES))

  it('is written in hours', () =>
    expect(parseConductTimes({ suspension: '0.5', accusation: '0', appeal: '96' })).toEqual({
      suspensionMs: 1_800_000,
      accusationMs: 0,
      appealMs: 345_600_000,
    }))

  it.each(['soon', '-1', '1e9', 'NaN'])('is never %j', (appeal) =>
    expect(() => parseConductTimes({ appeal })).toThrow(ConductTimesError),
  )
})
