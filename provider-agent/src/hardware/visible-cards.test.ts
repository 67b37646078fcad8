import { expect, it } from 'vitest'
import { visibleCards } from './visible-cards.ts'

const rows = ['GPU-aa01', 'GPU-aa02', 'GPU-bb03'].map((uuid) => new Map([['uuid', uuid]]))

it.each([
  [undefined, 'aa01 aa02 bb03'],
  ['1', 'aa02'],
  ['2, 0', 'aa01 bb03'],
  ['GPU-aa', 'aa01 aa02'],
  ['GPU-bb03,0', 'aa01 bb03'],
  ['MIG-GPU-aa01/1/0', 'aa01 aa02 bb03'],
  ['-1', ''],
  ['', ''],
  ['7', ''],
])('of three cards CUDA_VISIBLE_DEVICES=%s shows %s', (setting, shown) => {
  const seen = visibleCards(rows, setting).map((row) => row.get('uuid')?.slice('GPU-'.length))
  expect(seen.join(' ')).toBe(shown)
})
