import { describe } from 'vitest'
import { HOSTS } from '../stack.ts'
import { testMoneyStory } from './money-story.ts'
import { simulatedLightning } from './test-lightning.ts'

const PORTS = { node: 18_500, workerd: 18_510 } as const

describe.each(HOSTS)('money on SIMULATED Lightning, %s host', (kind) => {
  testMoneyStory(kind, PORTS[kind], simulatedLightning)
})
