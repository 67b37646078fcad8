import { describe } from 'vitest'
import { testMoneyStory } from '../money/money-story.ts'
import { regtestLightning } from '../money/test-lightning.ts'
import { areBuilt, lndBinaries } from '@infernet/settlement/testing/regtest/lnd-binaries'

const binaries = lndBinaries()

describe.skipIf(!areBuilt(binaries))(
  'money on real LND (needs it built: node scripts/bootstrap.mjs lnd-tools)',
  () => {
    testMoneyStory('node', 18_520, () => regtestLightning(binaries))
  },
)
