import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { AgentEvent, JobFacts } from '../events.ts'
import type { SdNotify } from './sd-notify.ts'
import { ServiceWatch } from './service-watch.ts'

const BEAT_MS = 10_000
const edge = 'wss://e'
const job: JobFacts = {
  job: 'j',
  lease: 'l',
  model: 'm',
  prompt_tokens: 1,
  completion_tokens: 1,
  estimated: false,
  ttft_ms: 1,
  duration_ms: 1,
  earned_msat: 1500,
}

/** Writes down what systemd would be told. */
class Heard implements SdNotify {
  readonly words: string[] = []
  readonly beatMs = BEAT_MS
  ready = (): number => this.words.push('ready')
  status = (text: string): number => this.words.push(text)
  stopping = (): number => this.words.push('stopping')
  beat = (): number => this.words.push('beat')
}

describe('ServiceWatch', () => {
  let heard: Heard
  let watch: ServiceWatch
  const saw = (...events: AgentEvent[]): void => events.forEach((event) => watch.saw(event))
  beforeEach(() => {
    vi.useFakeTimers()
    heard = new Heard()
    watch = new ServiceWatch(heard, () => performance.now())
  })
  afterEach(() => {
    watch.close()
    vi.useRealTimers()
  })

  it('is ready with the first dial, once, whatever becomes of it', () => {
    saw({ event: 'engine_starting', engine: 'tiny' })
    expect(heard.words).not.toContain('ready')
    saw({ event: 'connecting', edge, attempt: 1 })
    saw({ event: 'disconnected', reason: 'away', next_step: 'trying again', retry_ms: 1 })
    saw({ event: 'connecting', edge, attempt: 2 })
    expect(heard.words.filter((word) => word === 'ready')).toHaveLength(1)
    expect(heard.words).toContain('not connected: away; trying again')
  })

  it('tells the jobs with a beat, not with each of them', () => {
    saw({ event: 'connected', edge, peer: 'p', session: 's' })
    heard.words.length = 0
    saw({ event: 'job_done', ...job }, { event: 'job_done', ...job })
    expect(heard.words).toEqual([])
    vi.advanceTimersByTime(2 * BEAT_MS)
    expect(heard.words).toEqual(['beat', `connected to ${edge}; 2 jobs done, 3 sat`, 'beat'])
  })

  it('falls silent when a dial ends in nothing, and says why', () => {
    saw({ event: 'connecting', edge, attempt: 1 })
    vi.advanceTimersByTime(60_000)
    heard.words.length = 0
    vi.advanceTimersByTime(60_000)
    expect(heard.words).toEqual([])
    saw({ event: 'connected', edge, peer: 'p', session: 's' })
    vi.advanceTimersByTime(BEAT_MS)
    expect(heard.words).toContain('beat')
  })

  it('stops when the agent drains', () => {
    saw({ event: 'draining', running: 2, grace_ms: 1 })
    expect(heard.words).toEqual(['finishing 2 jobs', 'stopping'])
  })

  it('is silent after its end', () => {
    watch.close()
    vi.advanceTimersByTime(10 * BEAT_MS)
    expect(heard.words).toEqual([])
  })
})
