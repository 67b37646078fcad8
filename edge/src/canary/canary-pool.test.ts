import type { AccountId } from '@infernet/schemas/ids'
import type { JobRecord } from '@infernet/schemas/job-record'
import { encodeUtf8 } from '@infernet/schemas/utf8'
import { describe, expect, it } from 'vitest'
import { plainRules } from '../hub/match-rules.ts'
import type { JobOrder } from '../ports.ts'
import { orderOf } from '../testing/job-orders.ts'
import { recordOf } from '../testing/job-records.ts'
import { MAX_PROMPT_BYTES } from './canary-limits.ts'
import { canaryPromptOf } from './canary-pool.ts'

const NOW = 5000
const PLAIN = plainRules('chat.completions', { prompt: 1, completion: 1 })
const verification = { mode: 'sampled', isOpen: true } as const
const promptOf = (order: Partial<JobOrder> = {}, record: Partial<JobRecord> = {}) => {
  const whole = orderOf({ verification, ...order })
  return canaryPromptOf(whole, recordOf(whole.job, 'acct_1' as AccountId, record), NOW)
}

describe('what may be asked again', () => {
  it('is what its client sent', () => {
    const order = orderOf({ verification, body: encodeUtf8('{"a":"é"}') })
    const record = recordOf(order.job, order.accountId)
    expect(canaryPromptOf(order, record, NOW)).toEqual({
      job: order.job,
      endpoint: 'chat.completions',
      model: 'tiny',
      body: '{"a":"é"}',
      provider: 'peer',
      at: NOW,
    })
    for (const mode of ['strict', 'none'] as const)
      expect(promptOf({ verification: { mode, isOpen: true } })).toBeDefined()
    expect(promptOf({ body: new Uint8Array(MAX_PROMPT_BYTES) })).toBeDefined()
  })

  it.each<[string, Partial<JobOrder>, Partial<JobRecord>]>([
    ['nobody has said so', { verification: { mode: 'strict', isOpen: false } }, {}],
    ['it was a canary itself', { verification: { mode: 'canary', isOpen: true } }, {}],
    ['it asked for several choices', { n: 2 }, {}],
    ['it is long', { body: new Uint8Array(MAX_PROMPT_BYTES + 1) }, {}],
    ['it has no tokens', { rules: plainRules('embeddings', { prompt: 1, completion: 1 }) }, {}],
    ['nothing may be kept', { rules: { ...PLAIN, noDataCollection: true } }, {}],
    ['it failed', {}, { status: 'failed' }],
    ['its client left', {}, { status: 'cancelled' }],
    ['two have seen it', {}, { attempts: 2 }],
    ['nobody has answered', {}, { providerId: null }],
  ])('is nothing where %s', (_, order, record) => {
    expect(promptOf(order, record)).toBeUndefined()
  })
})
