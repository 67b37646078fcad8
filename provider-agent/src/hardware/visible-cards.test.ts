import { expect, it } from 'vitest'
import { visibleAmdCards, visibleCards } from './visible-cards.ts'

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

const cards = ['aa', 'bb', 'cc'].map((end) => ({ end, serial: `12345678901234${end}` }))

it.each([
  [undefined, undefined, 'aa bb cc'],
  ['1', undefined, 'bb'],
  [' GPU-12345678901234CC,0', undefined, 'cc aa'],
  ['0,0', undefined, 'aa'],
  ['GPU-', undefined, ''],
  ['', undefined, ''],
  ['-1', undefined, ''],
  [undefined, '2', 'cc'],
  [undefined, '', 'aa bb cc'],
  ['2,1', '0', 'cc'],
  ['1', '1', ''],
])(
  'of three AMD cards ROCR_VISIBLE_DEVICES=%s HIP_VISIBLE_DEVICES=%s show %s',
  (rocr, hip, shown) => {
    const seen = visibleAmdCards(cards, { rocr, hip }).map(({ end }) => end)
    expect(seen.join(' ')).toBe(shown)
  },
)
