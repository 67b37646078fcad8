import { describe, expect, it } from 'vitest'
import { GOALS, judge } from './goals.ts'
import { rowOf } from './test-row.ts'

const MS = 1_000
const MB = 1_000_000

/** Figures that meet every goal exactly at its bound. */
const ROWS = [
  rowOf('json-32', 'relay', { cpuPerRequestUs: 100 }),
  rowOf('json-32', 'portkey', { cpuPerRequestUs: 375 }),
  rowOf('json-32', 'infernet-node', { cpuPerRequestUs: 150, gatewayRssBytes: 200 * MB }),
  rowOf('burst-32', 'relay', { chunksPerSecond: 1_000 }),
  rowOf('burst-32', 'portkey', { chunksPerSecond: 300 }),
  rowOf('burst-32', 'infernet-node', { chunksPerSecond: 600, gatewayRssBytes: 90 * MB }),
  rowOf('burst-1', 'relay', { addedFirstTokenP50Us: 2_500 }),
  rowOf('burst-1', 'portkey', { addedFirstTokenP50Us: 25_000 }),
  rowOf('burst-1', 'infernet-node', { addedFirstTokenP50Us: 5_000 }),
  rowOf('paced-32', 'relay', { chunkDelayP99Us: 1_000 }),
  rowOf('paced-32', 'infernet-node', { chunkDelayP99Us: 1_500 }),
  rowOf('prompt-4', 'relay', { addedP50Us: 1_000 }),
  rowOf('prompt-4', 'infernet-node', { addedP50Us: 1_500 }),
  rowOf('crowd-1000', 'infernet-node', {
    chunkDelayP99Us: 50 * MS,
    gatewayRssBytes: 400 * MB,
  }),
  rowOf('hang-up', 'infernet-node', { hangUpWorstUs: 50 * MS }),
]

const outcomes = (rows: typeof ROWS) => judge(rows, 'infernet-node').map(({ outcome }) => outcome)

/** Replaces figures of Infernet in one scenario. */
const change = (scenario: string, figures: Parameters<typeof rowOf>[2]) =>
  ROWS.map((row) =>
    row.scenario === scenario && row.target === 'infernet-node' ? { ...row, ...figures } : row,
  )

describe('judge', () => {
  it('meets every goal at its bound', () => expect(outcomes(ROWS)).toEqual(GOALS.map(() => 'met')))

  it.each([
    ['json-32', { cpuPerRequestUs: 151 }, [0, 1]],
    ['burst-32', { chunksPerSecond: 599 }, [2, 3]],
    ['burst-1', { addedFirstTokenP50Us: 5_001 }, [4, 5]],
    ['paced-32', { chunkDelayP99Us: 1_501 }, [6]],
    ['prompt-4', { addedP50Us: 1_501 }, [7]],
    ['crowd-1000', { chunkDelayP99Us: 51 * MS }, [8]],
    ['crowd-1000', { gatewayRssBytes: 401 * MB }, [9]],
    ['hang-up', { hangUpWorstUs: Number.POSITIVE_INFINITY }, [10]],
    ['burst-32', { gatewayRssBytes: 201 * MB }, [11]],
    ['burst-1', { failures: 1 }, [4, 5]],
  ])('misses the right goals when %s has %j', (scenario, figures, missed) => {
    const result = outcomes(change(scenario, figures))
    expect(result.flatMap((outcome, index) => (outcome === 'NOT met' ? [index] : []))).toEqual(
      missed,
    )
  })

  it('does not call unmeasured goals met', () => {
    const withoutRelay = ROWS.filter(({ target }) => target !== 'relay')
    expect(outcomes(withoutRelay).filter((outcome) => outcome === 'not measured')).toHaveLength(5)
    expect(new Set(outcomes([]))).toEqual(new Set(['not measured']))
  })

  it('gives no ratio to a floor that noise made negative', () => {
    const noisy = ROWS.map((row) =>
      row.scenario === 'burst-1' && row.target === 'relay'
        ? { ...row, addedFirstTokenP50Us: -3 }
        : row,
    )
    expect(outcomes(noisy)[4]).toBe('not measured')
  })
})
