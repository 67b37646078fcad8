import { describe, expect, it } from 'vitest'
import { requestLine, type Paint } from './request-line.ts'

const plain: Paint = (_style, text) => text
const show = (log: object, since = '') =>
  requestLine(JSON.stringify({ time: '2026-01-02T03:04:05.678Z', ...log }), since, 'now', plain)

describe('requestLine', () => {
  it('shows a job with its tokens, cost and times', () => {
    const job = {
      event: 'job',
      status: 'completed',
      model: 'demo',
      prompt_tokens: 10,
      completion_tokens: 20,
      cost_msat: 1500,
      first_byte_ms: 19,
      total_ms: 33,
    }
    expect(show(job)).toBe(
      '03:04:05 POST /v1/chat/completions  completed  demo  10+20 tokens  1.5 sat  first byte 19 ms, total 33 ms',
    )
    expect(show({ ...job, status: 'failed', error: 'no_provider' })).toContain('  no_provider  ')
  })

  it('shows a request without a job', () => {
    const request = { event: 'request', method: 'GET', path: '/v1/models', status: 401, ms: 2 }
    expect(show({ ...request, error: 'invalid_api_key' })).toBe(
      '03:04:05 GET /v1/models  401 invalid_api_key  2 ms',
    )
  })

  it('shows what arrives and what is paid, and that it is simulated', () => {
    const money = { amount_msat: '5200', money: 'SIMULATED' }
    expect(show({ event: 'topup_credited', ...money })).toBe(
      '03:04:05 SIMULATED top-up of 5.2 sat is credited',
    )
    const paid = { event: 'payout_succeeded', owner: 'provider:12D3KooWabcdefgh', preimage: 'ab' }
    expect(show({ ...paid, ...money })).toBe(
      '03:04:05 SIMULATED …abcdefgh was paid 5.2 sat  preimage ab',
    )
    expect(show({ ...paid, event: 'payout_failed', failure: 'no_route', amount_msat: '1' })).toBe(
      '03:04:05 payout to …abcdefgh: no_route',
    )
  })

  it('takes the time of arrival where the edge has no clock to show', () => {
    const line = '{"event":"error","error":"x"}'
    expect(requestLine(line, '2026', '2026-01-02T03:04:05.678Z', plain)).toBe('03:04:05 x')
  })

  it('passes over other lines and what came before', () => {
    expect(show({ event: 'login_refused' })).toBeUndefined()
    expect(requestLine('no json', '', 'now', plain)).toBeUndefined()
    expect(requestLine('null', '', 'now', plain)).toBeUndefined()
    const joined = { event: 'provider_joined', provider: '12D3KooWabcdefgh', models: ['demo'] }
    expect(show(joined, '2026-01-02T03:04:05.678Z')).toBe(
      '03:04:05 provider …abcdefgh joined with demo',
    )
    expect(show(joined, '2026-01-02T03:04:06.000Z')).toBeUndefined()
  })
})
