import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { z } from 'zod'
import { leaseOf, newJobId } from './ids.ts'
import {
  MAX_BOLT11_LENGTH,
  MAX_FRAME_PAYLOAD_BYTES,
  MAX_MODELS_PER_PROVIDER,
  MAX_OUTPUT_TOKENS,
  MAX_PAYOUT_ATTEMPT,
  MAX_PAYOUT_ID_LENGTH,
  MAX_PAYOUT_THRESHOLD_SAT,
  MAX_RECEIPTS_PER_BATCH,
  MAX_REQUEST_BODY_BYTES,
  MAX_SLOTS,
} from './limits.ts'
import { newSigner } from './testing/signer.ts'
import {
  CAPABILITIES,
  busySchema,
  cancelSchema,
  capabilitySchema,
  challengeSchema,
  decodeControl,
  decodeJob,
  drainSchema,
  encodeControl,
  encodeJob,
  endSchema,
  errorSchema,
  headSchema,
  helloSchema,
  helloVersionSchema,
  invoiceRequestSchema,
  invoiceSchema,
  jobHeaderSchema,
  loadSchema,
  PROTOCOL,
  receiptAckSchema,
  receiptsSchema,
  welcomeSchema,
  WireError,
  type JobHeader,
  type ModelOffer,
} from './wire.ts'

const job = newJobId(1_767_312_000_000)
const lease = leaseOf(job, 1)
const nonce = 'n'.repeat(43)
const offer: ModelOffer = {
  id: 'infernet/tiny',
  context_length: 2048,
  price: { prompt: 100_000, completion: 400_000 },
  capabilities: ['tools', 'seed'],
  endpoints: ['chat.completions'],
}
const capability = {
  models: [offer],
  slots: 4,
  data_collection: 'deny',
  engine: 'tiny/1',
  agent: 'infernet-agent/0.1.0',
}
const nodeKey = `02${'0f'.repeat(32)}`
const threshold = { when: 'threshold', threshold_sat: 1000 }
const signed = { issued_at: 1, signature: 'A'.repeat(86) }
const usage = { prompt_tokens: 3, completion_tokens: 5 }
const header: JobHeader = {
  job,
  lease,
  endpoint: 'chat.completions',
  continues: false,
  model: offer.id,
  stream: true,
  include_usage: false,
  seed: 7,
  max_output_tokens: 256,
  deadline_ms: 60_000,
  price: offer.price,
}

const repeat = (count: number, value: unknown): unknown[] =>
  Array.from({ length: count }, () => value)

interface Case {
  name: string
  schema: z.ZodType
  good: Record<string, unknown>
  /** Path and the largest value it takes, or another good one. */
  alsoGood?: [string, unknown][]
  /** Path and a value it must refuse; undefined leaves the field out. */
  bad: [string, unknown][]
}

const counts = (path: string): [string, unknown][] => [
  [path, -1],
  [path, 0.5],
  [path, '1'],
  [path, 2 ** 53],
  [path, undefined],
]

const CASES: Case[] = [
  {
    name: 'challenge',
    schema: challengeSchema,
    good: { versions: PROTOCOL, audience: 'edge.example.com', nonce, now: 1 },
    alsoGood: [['audience', 'a'.repeat(255)]],
    bad: [
      ...counts('versions.min'),
      ...counts('versions.max'),
      ...counts('now'),
      ['audience', ''],
      ['audience', 'a'.repeat(256)],
      ['nonce', 'n'.repeat(42)],
      ['nonce', 'n'.repeat(44)],
      ['nonce', `${'n'.repeat(42)}+`],
      ['nonce', `${nonce}\n`],
    ],
  },
  {
    name: 'hello version',
    schema: helloVersionSchema,
    good: { version: 99, anything: 'that a later version says' },
    bad: counts('version'),
  },
  {
    name: 'hello',
    schema: helloSchema,
    good: {
      version: 1,
      peer: newSigner().peer,
      nonce,
      timestamp: 1,
      signature: 'A'.repeat(86),
      capability: { record: 'e30', signature: 'A'.repeat(86), hidden: 'e30' },
    },
    alsoGood: [['signature', 'A'.repeat(128)]],
    bad: [
      ...counts('version'),
      ...counts('timestamp'),
      ['peer', 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N'],
      ['nonce', ''],
      ['signature', 'A'.repeat(129)],
      ['capability', undefined],
      ['capability.record', undefined],
      ['capability.record', '{}'],
      ['capability.record', 'A'.repeat(17_068)],
      ['capability.signature', 'A'.repeat(87)],
      ['capability.hidden', undefined],
      ['capability.hidden', 'A'.repeat(2_732)],
    ],
  },
  {
    name: 'welcome',
    schema: welcomeSchema,
    good: { version: 1, session: 'req_1', ping_interval_ms: 20_000, window_bytes: 262_144 },
    bad: [
      ...counts('version'),
      ['session', 's'.repeat(65)],
      ['ping_interval_ms', 0],
      ['window_bytes', 0],
    ],
  },
  {
    name: 'capability',
    schema: capabilitySchema,
    good: capability,
    alsoGood: [
      ['role', 'provider'],
      ['role', 'verifier'],
      ['models', []],
      ['models', repeat(MAX_MODELS_PER_PROVIDER, offer)],
      ['slots', MAX_SLOTS],
      ['models.0.id', 'm'.repeat(128)],
      ['models.0.price.prompt', 1e12],
      ['models.0.price.completion', 0],
      ['models.0.context_length', 1e8],
      ['payout', { to: { kind: 'lightning_address', address: 'a+b@pay.example.com' }, ...signed }],
      ['payout', { to: { kind: 'keysend', pubkey: nodeKey }, when: 'at_once', ...signed }],
      ['payout', { to: { kind: 'keysend', pubkey: nodeKey }, when: 'threshold', ...signed }],
      ['payout', { to: { kind: 'invoice' }, ...threshold, ...signed }],
      ['payout', { to: { kind: 'invoice', pubkey: nodeKey }, ...signed }],
    ],
    bad: [
      ['role', 'judge'],
      ['role', null],
      ['models', repeat(MAX_MODELS_PER_PROVIDER + 1, offer)],
      ['models', {}],
      ['slots', 0],
      ['slots', MAX_SLOTS + 1],
      ['engine', 'e'.repeat(65)],
      ['agent', 'a'.repeat(65)],
      ['agent', undefined],
      ['models.0.id', ''],
      ['models.0.id', 'm'.repeat(129)],
      ['models.0.id', 'two words'],
      ['models.0.id', 'modèle'],
      ['models.0.id', 'line\nbreak'],
      ['models.0.context_length', 0],
      ['models.0.context_length', 1e8 + 1],
      ['models.0.price', undefined],
      ['models.0.price.prompt', 1e12 + 1],
      ['models.0.price.completion', -1],
      ['models.0.price.completion', 0.5],
      ['models.0.capabilities', repeat(CAPABILITIES.length + 1, 'tools')],
      ['models.0.endpoints', []],
      ['models.0.endpoints.0', 'shell'],
      ['models.0.quantization', 'a b'],
      ['data_collection', 'maybe'],
      ['models.0.capabilities.0', 'telepathy'],
      ['payout', null],
    ],
  },
  {
    name: 'capability with a payout',
    schema: capabilitySchema,
    good: {
      ...capability,
      payout: { to: { kind: 'keysend', pubkey: nodeKey }, ...threshold, ...signed },
    },
    alsoGood: [['payout.threshold_sat', MAX_PAYOUT_THRESHOLD_SAT]],
    bad: [
      ['payout.to', undefined],
      ['payout.to.kind', 'cheque'],
      ['payout.to.pubkey', undefined],
      ['payout.to.pubkey', nodeKey.slice(1)],
      ['payout.to.pubkey', `${nodeKey}0`],
      ['payout.to.pubkey', nodeKey.toUpperCase()],
      ['payout.to.pubkey', `04${nodeKey.slice(2)}`],
      ...counts('payout.issued_at'),
      ['payout.signature', undefined],
      ['payout.signature', 'A'.repeat(87)],
      ['payout.signature', '+'],
      ['payout.when', 'never'],
      ['payout.threshold_sat', 0],
      ['payout.threshold_sat', 1.5],
      ['payout.threshold_sat', MAX_PAYOUT_THRESHOLD_SAT + 1],
    ],
  },
  {
    name: 'capability with a Lightning address',
    schema: capabilitySchema,
    good: {
      ...capability,
      payout: { to: { kind: 'lightning_address', address: 'a@b.example' }, ...signed },
    },
    bad: [
      ['payout.to.address', 'a'],
      ['payout.to.address', 'A@b.example'],
      ['payout.to.address', 'a@localhost'],
      ['payout.to.address', `a@${'b'.repeat(300)}.example`],
      ['payout.threshold_sat', 1000],
    ],
  },
  {
    name: 'request for an invoice',
    schema: invoiceRequestSchema,
    good: { id: 1, payout: 'po_1', attempt: 1, amount_msat: '1' },
    alsoGood: [
      ['payout', 'p'.repeat(MAX_PAYOUT_ID_LENGTH)],
      ['attempt', MAX_PAYOUT_ATTEMPT],
      ['amount_msat', '9'.repeat(16)],
    ],
    bad: [
      ...counts('id'),
      ['payout', ''],
      ['payout', 'po|1'],
      ['payout', 'p'.repeat(MAX_PAYOUT_ID_LENGTH + 1)],
      ['attempt', 0],
      ['attempt', MAX_PAYOUT_ATTEMPT + 1],
      ['amount_msat', '0'],
      ['amount_msat', '01'],
      ['amount_msat', '-1'],
      ['amount_msat', '1.5'],
      ['amount_msat', 1],
      ['amount_msat', '9'.repeat(17)],
    ],
  },
  {
    name: 'invoice',
    schema: invoiceSchema,
    good: { id: 1, bolt11: 'lnbc1p0' },
    alsoGood: [['bolt11', `ln${'q'.repeat(MAX_BOLT11_LENGTH - 2)}`]],
    bad: [
      ...counts('id'),
      ['bolt11', undefined],
      ['bolt11', 'LNBC1P0'],
      ['bolt11', 'https://example.com'],
      ['bolt11', `ln${'q'.repeat(MAX_BOLT11_LENGTH - 1)}`],
      ['error', 'e'.repeat(513)],
    ],
  },
  {
    name: 'refusal of an invoice',
    schema: invoiceSchema,
    good: { id: 1, error: 'the node cannot be reached' },
    alsoGood: [['error', 'e'.repeat(512)]],
    bad: [
      ['error', 'e'.repeat(513)],
      ['error', 7],
    ],
  },
  {
    name: 'load',
    schema: loadSchema,
    good: { running: 0, waiting: 3, ttft_ms: { p50: 0, p90: 20, p99: 300 } },
    alsoGood: [
      ['slots', MAX_SLOTS],
      ['kv_use', 0],
      ['kv_use', 1],
      ['tokens_per_second', 41.5],
      ['cache_since', 1_795_711_135_000],
    ],
    bad: [
      ...counts('running'),
      ...counts('waiting'),
      ['slots', 0],
      ['slots', MAX_SLOTS + 1],
      ['kv_use', 1.01],
      ['kv_use', -0.01],
      ['tokens_per_second', -1],
      ['ttft_ms.p50', undefined],
      ['ttft_ms.p99', 2.5],
      ['cache_since', -1],
    ],
  },
  {
    name: 'job header',
    schema: jobHeaderSchema,
    good: { ...header },
    alsoGood: [
      ['max_output_tokens', MAX_OUTPUT_TOKENS],
      ['lease', leaseOf(job, 99)],
    ],
    bad: [
      ['job', 'job_1'],
      ['job', undefined],
      ['lease', job],
      ['lease', `${job}.0`],
      ['lease', `${job}.100`],
      ['lease', leaseOf(newJobId(1), 1)],
      ['endpoint', 'shell'],
      ['continues', undefined],
      ['model', 'm'.repeat(129)],
      ['stream', 1],
      ['include_usage', undefined],
      ['max_output_tokens', 0],
      ['max_output_tokens', MAX_OUTPUT_TOKENS + 1],
      ['deadline_ms', 0],
      ['price.prompt', 1e13],
    ],
  },
  {
    name: 'busy',
    schema: busySchema,
    good: { reason: 'slots', retry_after_ms: 600_000 },
    bad: [['reason', 'tired'], ...counts('retry_after_ms'), ['retry_after_ms', 600_001]],
  },
  {
    name: 'head',
    schema: headSchema,
    good: { ttft_ms: 12 },
    alsoGood: [['ttft_ms', undefined]],
    bad: counts('ttft_ms').filter(([, value]) => value !== undefined),
  },
  {
    name: 'end',
    schema: endSchema,
    good: { usage, finish_reason: 'stop', output_sha256: '0f'.repeat(32) },
    alsoGood: [['usage.cached_tokens', 2]],
    bad: [
      ['usage', undefined],
      ...counts('usage.prompt_tokens'),
      ...counts('usage.completion_tokens'),
      ['usage.cached_tokens', -1],
      ['finish_reason', 'f'.repeat(33)],
      ['output_sha256', '0F'.repeat(32)],
      ['output_sha256', '0f'.repeat(31)],
    ],
  },
  {
    name: 'error',
    schema: errorSchema,
    good: { fault: 'provider', code: 'engine_failed', message: 'out of memory' },
    alsoGood: [
      ['status', 400],
      ['status', 599],
      ['param', null],
      ['param', 'p'.repeat(256)],
      ['message', 'm'.repeat(2048)],
    ],
    bad: [
      ['fault', 'client'],
      ['code', 'c'.repeat(65)],
      ['message', 'm'.repeat(2049)],
      ['message', undefined],
      ['status', 399],
      ['status', 600],
      ['status', 404.5],
      ['param', 'p'.repeat(257)],
    ],
  },
  ...[
    { name: 'cancel', schema: cancelSchema },
    { name: 'drain', schema: drainSchema },
  ].map((which): Case => ({
    ...which,
    good: { reason: 'the client hung up' },
    alsoGood: [['reason', 'r'.repeat(512)]],
    bad: [
      ['reason', 'r'.repeat(513)],
      ['reason', null],
      ['reason', undefined],
    ],
  })),
  {
    name: 'receipts',
    schema: receiptsSchema,
    good: { signature: 'A'.repeat(86), statements: ['e30'] },
    alsoGood: [
      ['statements', repeat(MAX_RECEIPTS_PER_BATCH, 'e30')],
      ['statements.0', 'A'.repeat(4096)],
    ],
    bad: [
      ['signature', 'A'.repeat(87)],
      ['signature', 'A+/='],
      ['statements', []],
      ['statements', repeat(MAX_RECEIPTS_PER_BATCH + 1, 'e30')],
      ['statements.0', 'A'.repeat(4097)],
      ['statements.0', '{}'],
    ],
  },
  {
    name: 'receipt acknowledgement',
    schema: receiptAckSchema,
    good: { results: [{ lease, status: 'stored' }] },
    alsoGood: [
      ['results', []],
      ['results', repeat(MAX_RECEIPTS_PER_BATCH, { lease, status: 'unknown' })],
    ],
    bad: [
      ['results', repeat(MAX_RECEIPTS_PER_BATCH + 1, { lease, status: 'unknown' })],
      ['results.0.lease', 'lease'],
      ['results.0.status', 'lost'],
    ],
  },
]

/** A copy of `value` with the field at `path` set, or deleted for undefined. */
function withField(value: object, path: string, field: unknown): unknown {
  const copy: unknown = structuredClone(value)
  const keys = path.split('.')
  const last = keys.pop()!
  const parent = keys.reduce(
    (at, key) => at[key] as Record<string, unknown>,
    copy as Record<string, unknown>,
  )
  if (field === undefined) delete parent[last]
  else parent[last] = field
  return copy
}

const brief = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, 40)

describe.each(CASES)('a $name', ({ schema, good, alsoGood = [], bad }) => {
  it('is read as it was written', () => {
    expect(decodeControl(schema, encodeControl(good))).toEqual(good)
    for (const [path, field] of alsoGood) {
      const value = withField(good, path, field)
      expect(decodeControl(schema, encodeControl(value)), path).toEqual(value)
    }
  })

  it.each(bad.map(([path, field]) => ({ path, field, text: brief(field) })))(
    'is refused, by its name, for $path of $text',
    ({ path, field }) => {
      const read = () => decodeControl(schema, encodeControl(withField(good, path, field)))
      expect(read).toThrow(WireError)
      expect(read).toThrow(new RegExp(`^${path.replaceAll('.', '\\.')}: `))
    },
  )

  it.each([null, [], 'text', 7, true])('is not %j', (value) => {
    const read = () => decodeControl(schema, encodeControl(value))
    expect(read).toThrow(WireError)
    expect(read).toThrow(/^payload: /)
  })
})

describe('decodeControl', () => {
  it('refuses what is not UTF-8, and what is not JSON', () => {
    for (const bytes of [[], [0xff], [0x22, 0xc0, 0x80, 0x22], [0x7b]]) {
      expect(() => decodeControl(cancelSchema, Uint8Array.from(bytes))).toThrow(
        new WireError('payload is not JSON'),
      )
    }
  })

  it('drops fields it does not know, so that later versions may add some', () => {
    const payload = encodeControl({ running: 1, waiting: 2, gpu: 'hot' })
    expect(decodeControl(loadSchema, payload)).toEqual({ running: 1, waiting: 2 })
  })

  it('says little about a payload that is wrong everywhere', () => {
    const models = repeat(MAX_MODELS_PER_PROVIDER, { id: ' '.repeat(10_000) })
    expect.assertions(1)
    try {
      decodeControl(capabilitySchema, encodeControl({ models }))
    } catch (error) {
      expect((error as WireError).message.length).toBeLessThanOrEqual(200)
    }
  })
})

describe('a job', () => {
  it('is read as it was written, whatever its body', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), (body) => {
        expect(decodeJob(encodeJob(header, body))).toEqual({ header, body })
      }),
    )
  })

  it('is refused when it is cut anywhere in its header', () => {
    const payload = encodeJob(header, new Uint8Array())
    for (let cut = 0; cut < payload.length; cut++) {
      expect(() => decodeJob(payload.subarray(0, cut)), `cut at ${cut}`).toThrow(
        new WireError('payload is truncated'),
      )
    }
  })

  it('is refused when its header length lies', () => {
    const payload = encodeJob(header, new Uint8Array(8))
    const length = (payload[0]! << 8) | payload[1]!
    for (const lie of [0, 1, length - 1, length + 1, 0xffff]) {
      const forged = payload.slice()
      forged[0] = lie >>> 8
      forged[1] = lie
      expect(() => decodeJob(forged), `length ${lie}`).toThrow(WireError)
    }
  })

  it('names the field of a bad header', () => {
    const bad = { ...header, deadline_ms: -1 }
    expect(() => decodeJob(encodeJob(bad, new Uint8Array()))).toThrow(/^deadline_ms: /)
  })

  it('views its body in the payload', () => {
    const payload = encodeJob(header, Uint8Array.of(1, 2))
    expect(decodeJob(payload).body.buffer).toBe(payload.buffer)
  })

  it('with the largest body and header fits its frame', () => {
    const model = '\u0001'.repeat(128)
    const payload = encodeJob({ ...header, model }, new Uint8Array(MAX_REQUEST_BODY_BYTES))
    expect(payload.length).toBeLessThanOrEqual(MAX_FRAME_PAYLOAD_BYTES)
    expect(decodeJob(payload).header.model).toBe(model)
  })
})
