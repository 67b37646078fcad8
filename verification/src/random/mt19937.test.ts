import { describe, expect, it } from 'vitest'
import { Mt19937 } from './mt19937.ts'

/** Printed by a C++ program, GCC 12.2: the first three doubles and the one after 2,000. */
const LIBSTDCXX: readonly (readonly [number, readonly number[], number])[] = [
  [0, [0.59284461651668263, 0.84426574425659828, 0.85794561998982988], 0.35690392083756589],
  [1, [0.99718480823026556, 0.93255736136816547, 0.128124447772306], 0.66054308404609974],
  [42, [0.79654298428784598, 0.18343478789336848, 0.77969099761266125], 0.27571985271333382],
  [5489, [0.1354770042967805, 0.8350085899945795, 0.96886777112423139], 0.32498794369047224],
  [
    0xffff_fffe,
    [0.10184899170898529, 0.94789751258733013, 0.82893340139475558],
    0.10738352336177255,
  ],
]

describe('mt19937', () => {
  it('has the ten-thousandth word that the C++ standard demands', () => {
    const random = new Mt19937(5489)
    for (let i = 1; i < 10_000; i++) random.word()
    expect(random.word()).toBe(4_123_659_995)
  })

  it.each(LIBSTDCXX)('draws the doubles of libstdc++ from seed %i', (seed, first, later) => {
    const random = new Mt19937(seed)
    expect([random.uniform(), random.uniform(), random.uniform()]).toEqual(first)
    for (let i = 3; i < 2000; i++) random.uniform()
    expect(random.uniform()).toBe(later)
  })
})
