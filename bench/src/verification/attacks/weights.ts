import type { EngineSpec } from '../engine-messages.ts'
import type { WeightsName } from '../model-cache.ts'
import type { Attack } from './attack.ts'

const withWeights = (id: string, name: string, weights: WeightsName): Attack => ({
  id,
  name,
  answers: (lab, orders) => lab.answer(orders, { weights }),
})

const withCache = (kv: Exclude<EngineSpec['kv'], 'F16'>): Attack => ({
  id: 'A3',
  name: `key-value cache in ${kv.toLowerCase()}`,
  answers: (lab, orders) => lab.answer(orders, { kv }),
})

/** Something cheaper runs, and reports what it computes. */
export const WEIGHTS_ATTACKS: readonly Attack[] = [
  withWeights('A1', 'smaller model', 'small'),
  withWeights('A2', 'weights in q8_0', 'q8_0'),
  withWeights('A2', 'weights in fp8', 'fp8'),
  withWeights('A2', 'weights in q5_0', 'q5_0'),
  withWeights('A2', 'weights in q4_0', 'q4_0'),
  withCache('Q8_0'),
  withCache('Q4_0'),
]
