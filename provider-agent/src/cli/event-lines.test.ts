import { describe, expect, it } from 'vitest'
import { EventLog, type AgentEvent } from '../events.ts'
import { jsonLine, lineOfEvent, showEvent, UnknownEventError } from './event-lines.ts'

const facts = {
  job: 'job_1',
  lease: 'job_1.1',
  model: 'm',
  prompt_tokens: 10,
  completion_tokens: 20,
  estimated: false,
  ttft_ms: 100,
  duration_ms: 1_100,
  earned_msat: 9,
}

/** What a person sees, without colours. */
function shown(event: AgentEvent): { lines: string[]; spinner: (string | undefined)[] } {
  const lines: string[] = []
  const spinner: (string | undefined)[] = []
  showEvent({ line: (text) => lines.push(text), spin: (text) => spinner.push(text) }, event, 0)
  // oxlint-disable-next-line no-control-regex
  return { lines: lines.map((line) => line.replaceAll(/\u001B\[\d+m/g, '')), spinner }
}

describe('event lines', () => {
  it('tells a job in a line: tokens, speed, earnings', () => {
    const { lines } = shown({ event: 'job_done', ...facts })
    expect(lines[0]).toContain('m 10+20 tokens in 1100 ms, 18 tok/s, 9 msat')
  })

  it('marks counts that are estimates', () => {
    const { lines } = shown({ event: 'job_cancelled', ...facts, estimated: true })
    expect(lines[0]).toContain('~10+~20 tokens')
  })

  it('shows what each model is offered for, and what becomes of prompts', () => {
    const offers = [
      {
        id: 'm',
        endpoints: ['chat.completions', 'completions'],
        capabilities: ['seed', 'continue'],
        quantization: 'Q8_0',
      },
      { id: 'v', endpoints: ['embeddings'], capabilities: [] },
    ]
    const event = { event: 'models', engine: 'llama-cpp', models: ['m', 'v'], offers } as const
    const { lines } = shown({ ...event, data_collection: 'deny' })
    expect(lines[0]?.split(/\n\s+/).slice(1)).toEqual([
      'm (Q8_0): chat.completions, completions with seed, continue',
      'v: embeddings',
      'prompts are not kept',
    ])
    expect(shown({ ...event, data_collection: 'allow' }).lines[0]).toContain('may be kept')
  })

  it('tells how a server that the agent runs does, and what it said last', () => {
    const of = { engine: 'llama-server', model: 'm' }
    const program = { event: 'engine_program', engine: 'llama-server', version: '1.2' } as const
    const { lines: found, spinner } = shown({ ...program, path: '/opt/llama-server' })
    expect(found[0]).toContain('llama-server 1.2 /opt/llama-server')
    expect(spinner.at(-1)).toBe('starting llama-server')
    const up = shown({ event: 'engine_up', ...of, ms: 1_250 })
    expect(up.lines[0]).toContain('up llama-server with m, after 1.3 s')
    const fall = { reason: 'was ended by SIGSEGV', lines: ['one', 'two'], retry_ms: 500 }
    const [down = ''] = shown({ event: 'engine_down', ...of, ...fall, hint: 'update it' }).lines
    expect(down.split(/\n\s+/).map((line) => line.replace(/^\S+ ! /, ''))).toEqual([
      'llama-server with m was ended by SIGSEGV; update it',
      '| one',
      '| two',
      'starting it again in 0.5 s',
    ])
  })

  it('says where the earnings go, or that they wait and what to do', () => {
    const line = (event: AgentEvent) => shown(event).lines[0]
    expect(line({ event: 'payout', to: 'a@b.example', when: 'at once' })).toContain(
      'earnings go to a@b.example, at once',
    )
    expect(line({ event: 'payout_unset' })).toContain('--payout')
    const node = { event: 'payout_node', pubkey: '02ab', alias: '', network: 'regtest' } as const
    expect(line({ ...node, simulated: true })).toContain('SIMULATED')
    expect(line({ ...node, simulated: false })).toContain('your node 02ab is there (regtest)')
    const invoice = { payout: 'po_1', attempt: 1 }
    expect(line({ event: 'invoice_issued', ...invoice, amount_msat: '25000' })).toContain('25 sat')
    expect(line({ event: 'invoice_refused', ...invoice, message: 'away' })).toContain('po_1: away')
    expect(line({ event: 'payout_trouble', message: 'away' })).toContain('away')
  })

  it('tells that an engine rests, how to keep it, and that it comes back', () => {
    const of = { engine: 'llama-server' } as const
    expect(shown({ event: 'resting', ...of }).lines[0]).toMatch(
      / resting llama-server has ended, .* \(--keep-loaded keeps it\)$/,
    )
    expect(shown({ event: 'waking', ...of }).lines[0]).toMatch(
      / waking llama-server is started again$/,
    )
  })

  it('tells of scores, and why there are none', () => {
    const of = { id: 1, model: 'm' }
    const scored = shown({ event: 'scored', ...of, tokens: 300, ms: 600 })
    expect(scored.lines[0]).toContain('scored m 300 tokens in 600 ms, 500 tok/s')
    const failed = shown({ event: 'score_failed', ...of, message: 'too long' })
    expect(failed.lines[0]).toContain('could not score an answer of m: too long')
    const rendered = shown({ event: 'rendered', ...of, tokens: 300, ms: 6 })
    expect(rendered.lines[0]).toContain('rendered m 300 tokens in 6 ms')
    const refused = shown({ event: 'render_failed', ...of, message: 'no template' })
    expect(refused.lines[0]).toContain('could not render a request to m: no template')
  })

  it('spins while it waits and stops when there is news', () => {
    expect(shown({ event: 'connecting', edge: 'ws://x', attempt: 1 }).spinner).toEqual([
      'connecting to ws://x',
    ])
    const connected = shown({ event: 'connected', edge: 'ws://x', peer: 'p', session: 's' })
    expect(connected.spinner).toEqual([undefined])
    const lost = {
      event: 'disconnected',
      reason: 'gone',
      next_step: 'wait',
      retry_ms: 1_500,
    } as const
    expect(shown(lost).spinner).toEqual([undefined, 'trying again in 1.5 s'])
  })

  it('has no words for an event of another version', () => {
    const event = { event: 'of_tomorrow' } as unknown as AgentEvent
    expect(() => lineOfEvent(event, 0)).toThrow(UnknownEventError)
  })

  it('writes an event as one line of JSON', () => {
    const line = jsonLine({ event: 'receipt_unknown', lease: 'a\nb' }, 0)
    expect(line.indexOf('\n')).toBe(line.length - 1)
    expect(JSON.parse(line)).toEqual({
      at: '1970-01-01T00:00:00.000Z',
      event: 'receipt_unknown',
      lease: 'a\nb',
    })
  })
})

describe('the event log', () => {
  it('counts what it tells', () => {
    const told: AgentEvent[] = []
    const log = new EventLog(
      (event) => told.push(event),
      () => 0,
    )
    log.emit({ event: 'job_done', ...facts })
    log.emit({ event: 'job_cancelled', ...facts })
    log.emit({ event: 'job_busy', reason: 'slots', model: 'm' })
    expect(told).toHaveLength(3)
    expect(log.counters).toEqual({
      events: { job_done: 1, job_cancelled: 1, job_busy: 1 },
      promptTokens: 20,
      completionTokens: 40,
      earnedMsat: 18,
    })
  })
})
