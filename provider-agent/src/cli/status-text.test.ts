import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import { after, startedState } from '../control/agent-state.ts'
import { statusOf, type LiveFacts } from '../control/agent-status.ts'
import { statusText } from './status-text.ts'

const facts = {
  version: '1',
  pid: 1,
  service: undefined,
  role: 'provider',
  peer: 'p',
  edge: 'e',
  startedAt: 0,
}
const clock = { now: () => 1, monotonic: () => 1 }

/** The line that begins with `name`, of an agent that has just started. */
function lineOf(
  name: string,
  load: LiveFacts['load'],
  state = startedState(0),
): string | undefined {
  const live = {
    jobsRunning: 1,
    load,
    receiptBatchesWaiting: 0,
    jobsMemory: undefined,
    rssBytes: 1,
  }
  const text = stripVTControlCharacters(statusText(statusOf(state, facts, live, clock)))
  return text.split('\n').find((line) => line.startsWith(`${name} `))
}

describe('the status of an agent', () => {
  it('says what is known of the load, and nothing of the rest', () => {
    const found = { slots: 6, findsSlots: true, waiting: 0, kvUse: undefined }
    expect(lineOf('jobs', found)).toContain('1 of 6 running')
    expect(lineOf('load', found)).toMatch(/ slots found out$/)
    const full = { slots: 4, findsSlots: false, waiting: 3, kvUse: 0.914 }
    expect(lineOf('load', full)).toMatch(/ 91 % of the cache in use, 3 wait in the engine$/)
    expect(lineOf('load', { ...full, waiting: 0, kvUse: undefined })).toBeUndefined()
    expect(lineOf('load', undefined)).toBeUndefined()
  })

  it('says that the engine rests', () => {
    const resting = after(startedState(0), { event: 'resting', engine: 'tiny' }, 0)
    const known = { ...resting, engine: 'tiny' }
    expect(lineOf('engine', undefined, known)).toMatch(
      / tiny, provider, resting: its memory is free$/,
    )
  })
})
