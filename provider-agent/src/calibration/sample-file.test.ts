import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { calibrate, type Scores } from '@infernet/verification/evidence/calibration'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readSamples, writeSamples } from './sample-file.ts'

const SPEC = 'a'.repeat(64)
const directory = mkdtempSync(join(tmpdir(), 'infernet-'))
const file = (name: string) => join(directory, name)

const nats = fc.oneof(
  fc.constantFrom(0, NaN),
  fc.double({ min: 0, max: 30, noNaN: true }).map((it) => it + 0),
)
const sample: fc.Arbitrary<Scores> = fc
  .array(fc.tuple(nats, nats), { maxLength: 20 })
  .map((pairs) => ({
    excess: pairs.map(([excess]) => excess),
    lpDifference: pairs.map(([, apart]) => apart),
  }))

describe('sample files', () => {
  it('of two machines calibrate as all their samples do', () => {
    const many = fc.array(sample, { minLength: 1, maxLength: 10 })
    fc.assert(
      fc.property(many, many, (one, other) => {
        writeSamples(file('one'), { spec: SPEC, samples: one })
        writeSamples(file('other'), { spec: SPEC, samples: other })
        const { spec, samples } = readSamples([file('one'), file('other')])
        expect(spec).toBe(SPEC)
        expect(samples).toEqual([...one, ...other])
        expect(calibrate(samples)).toEqual(calibrate([...one, ...other]))
      }),
      { numRuns: 50 },
    )
  })

  it('can be joined by hand', () => {
    writeSamples(file('one'), { spec: SPEC, samples: [{ excess: [0], lpDifference: [NaN] }] })
    const text = readFileSync(file('one'), 'utf8')
    writeFileSync(file('both'), text + text)
    expect(readSamples([file('both')]).samples).toHaveLength(2)
  })

  it('of several specs are refused', () => {
    const samples = [{ excess: [0], lpDifference: [0] }]
    writeSamples(file('one'), { spec: SPEC, samples })
    writeSamples(file('other'), { spec: 'b'.repeat(64), samples })
    expect(() => readSamples([file('one'), file('other')])).toThrow(
      expect.objectContaining({ name: 'CalibrationError', code: 'mixed_specs' }),
    )
  })

  it.each([
    ['', 'no samples in'],
    ['hello', ':1 is no sample'],
    ['{"v":1}', ':1 is no sample'],
    [`{"v":1,"spec":"${SPEC}","excess":[-1],"lp_difference":[0]}`, ':1 is no sample'],
    [`{"v":1,"spec":"${SPEC}","excess":[31],"lp_difference":[0]}`, ':1 is no sample'],
    [`{"v":1,"spec":"${SPEC}","excess":[0,0],"lp_difference":[0]}`, ':1 is no sample'],
    [`{"v":1,"spec":"x","excess":[0],"lp_difference":[0]}`, ':1 is no sample'],
  ])('that hold %j are refused', (text, message) => {
    writeFileSync(file('bad'), text)
    expect(() => readSamples([file('bad')])).toThrow(message)
  })

  it('that are too long, or not there, are refused', () => {
    writeFileSync(file('long'), Buffer.alloc(40 * 1024 * 1024))
    expect(() => readSamples([file('long'), file('long')])).toThrow('name fewer files')
    expect(() => readSamples([file('nowhere')])).toThrow('cannot read')
  })
})
