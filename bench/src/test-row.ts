import type { Row } from './summary.ts'

const NO_FIGURES: Omit<Row, 'scenario' | 'target'> = {
  failures: 0,
  reasons: [],
  requestsPerSecond: undefined,
  chunksPerSecond: undefined,
  latencyP50Us: undefined,
  latencyP99Us: undefined,
  addedP50Us: undefined,
  addedP99Us: undefined,
  firstTokenP50Us: undefined,
  addedFirstTokenP50Us: undefined,
  chunkDelayP50Us: undefined,
  chunkDelayP99Us: undefined,
  cpuPerRequestUs: undefined,
  besideCpuPerRequestUs: undefined,
  cpuPerChunkUs: undefined,
  gatewayRssBytes: undefined,
  totalRssBytes: undefined,
  hangUpMedianUs: undefined,
  hangUpWorstUs: undefined,
  chunksSentAfterHangUp: undefined,
}

/** A row for tests, with no figures but the given ones. */
export function rowOf(scenario: string, target: string, figures: Partial<Row>): Row {
  return { ...NO_FIGURES, ...figures, scenario, target }
}
