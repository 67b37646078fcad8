import { describe, expect, it } from 'vitest'
import { leaseOf, newJobId } from './ids.ts'
import {
  MAX_RECEIPT_STATEMENT_BYTES,
  MAX_RECEIPTS_BYTES,
  MAX_RECEIPTS_PER_BATCH,
  MAX_TRANSCRIPT_TOKENS,
} from './limits.ts'
import {
  batchToSign,
  encodeStatement,
  fromBase64Url,
  openBatch,
  parseStatement,
  signedReceiptSchema,
  splitBatch,
  toBase64Url,
  verifyReceipt,
  type ReceiptStatement,
  type SignedReceipt,
} from './receipt.ts'
import { newSigner } from './testing/signer.ts'
import { decodeControl, encodeControl, receiptsSchema } from './wire.ts'

const signer = newSigner()
const stranger = newSigner()

function statementOf(changes: Partial<ReceiptStatement> = {}): ReceiptStatement {
  const job = newJobId(1_767_312_000_000)
  return {
    v: 1,
    job,
    lease: leaseOf(job, 1),
    provider: signer.peer,
    model: 'infernet/tiny',
    engine: 'tiny/1',
    usage: { prompt_tokens: 7, completion_tokens: 11 },
    price: { prompt: 100_000, completion: 400_000 },
    finish_reason: 'stop',
    output_sha256: 'ab'.repeat(32),
    output_bytes: 1234,
    started_at: 1_767_312_000_100,
    ended_at: 1_767_312_000_900,
    ...changes,
  }
}

const signed = (encoded: readonly Uint8Array[], by = signer) => ({
  signature: toBase64Url(by.sign(batchToSign(encoded))),
  statements: encoded.map(toBase64Url),
})

const sign = (encoded: readonly Uint8Array[], by = signer): SignedReceipt[] =>
  splitBatch(signed(encoded, by)).receipts.map(({ receipt }) => receipt)

const batchOf = (size: number): SignedReceipt[] =>
  sign(Array.from({ length: size }, () => encodeStatement(statementOf())))

const reasonOf = async (receipt: SignedReceipt): Promise<string> => {
  const verdict = await verifyReceipt(receipt)
  return verdict.ok ? 'ok' : verdict.reason
}

/** The text with its `at`th byte changed. */
function flip(text: string, at: number): string {
  const bytes = fromBase64Url(text)
  bytes[at]! ^= 1
  return toBase64Url(bytes)
}

describe('a batch', () => {
  it.each([1, 2, 3, 5, 8, 31, MAX_RECEIPTS_PER_BATCH])(
    'of %i splits into receipts that each verify alone, after a trip through JSON',
    async (size) => {
      const statements = Array.from({ length: size }, (_, i) => statementOf({ output_bytes: i }))
      const receipts = sign(statements.map(encodeStatement))
      expect(receipts).toHaveLength(size)
      for (const [i, receipt] of receipts.entries()) {
        const reread = signedReceiptSchema.parse(JSON.parse(JSON.stringify(receipt)))
        expect(await verifyReceipt(reread)).toEqual({ ok: true, statement: statements[i] })
      }
    },
  )

  it('opens whole, for its provider and as it was signed only', async () => {
    const encoded = [1, 2, 3].map((i) => encodeStatement(statementOf({ output_bytes: i })))
    const batch = signed(encoded)
    const { statements } = batch
    const opened = await openBatch(signer.peer, batch)
    expect(opened?.map(({ bytes }) => Buffer.from(bytes))).toEqual(
      encoded.map((bytes) => Buffer.from(bytes)),
    )
    expect(await openBatch(stranger.peer, batch)).toBeUndefined()
    for (const other of [statements.toReversed(), statements.slice(1)]) {
      expect(await openBatch(signer.peer, { ...batch, statements: other })).toBeUndefined()
    }
    expect(await openBatch(signer.peer, { ...batch, signature: '' })).toBeUndefined()
  })

  it('needs a statement', async () => {
    expect(() => batchToSign([])).toThrow(RangeError)
    await expect(openBatch(signer.peer, { statements: [], signature: '' })).rejects.toThrow(
      RangeError,
    )
  })

  it('of the largest statements fits its frame', () => {
    const largest = toBase64Url(new Uint8Array(MAX_RECEIPT_STATEMENT_BYTES).fill(255))
    const frame = {
      signature: toBase64Url(new Uint8Array(64)),
      statements: Array.from({ length: MAX_RECEIPTS_PER_BATCH }, () => largest),
    }
    const payload = encodeControl(frame)
    expect(payload.length).toBeLessThanOrEqual(MAX_RECEIPTS_BYTES)
    expect(decodeControl(receiptsSchema, payload)).toEqual(frame)
  })
})

describe('a receipt', () => {
  it('with another statement than the signed one has a bad signature', async () => {
    for (const receipt of batchOf(3)) {
      const statement = toBase64Url(encodeStatement(statementOf()))
      expect(await reasonOf({ ...receipt, statement })).toBe('signature')
    }
  })

  it('with any byte of its statement changed is caught', async () => {
    const [receipt] = batchOf(2) as [SignedReceipt]
    const { length } = fromBase64Url(receipt.statement)
    for (let at = 0; at < length; at++) {
      const reason = await reasonOf({ ...receipt, statement: flip(receipt.statement, at) })
      expect(['malformed', 'signature'], `byte ${at}`).toContain(reason)
    }
  })

  it('with any step of its path changed has a bad signature', async () => {
    for (const receipt of batchOf(5)) {
      for (const [step, hash] of receipt.path.entries()) {
        const path = receipt.path.with(step, flip(hash, 31))
        expect(await reasonOf({ ...receipt, path })).toBe('signature')
        const cut = receipt.path.with(step, hash.slice(0, -2))
        expect(await reasonOf({ ...receipt, path: cut })).toBe('signature')
      }
    }
  })

  it('with a step too many or too few has a bad path', async () => {
    for (const receipt of batchOf(6)) {
      const { path } = receipt
      expect(await reasonOf({ ...receipt, path: path.slice(1) })).toBe('path')
      expect(await reasonOf({ ...receipt, path: [...path, path[0]!] })).toBe('path')
    }
  })

  it('at another index is caught', async () => {
    const receipts = batchOf(7)
    for (const receipt of receipts) {
      for (const index of receipts.keys()) {
        if (index === receipt.index) continue
        expect(['path', 'signature']).toContain(await reasonOf({ ...receipt, index }))
      }
      for (const index of [-1, 7, 0.5, 2 ** 32 + receipt.index]) {
        expect(await reasonOf({ ...receipt, index })).toBe('path')
      }
    }
  })

  it('of a batch of another size is caught, even one that is the same as a u32', async () => {
    for (const receipt of batchOf(7)) {
      for (let size = 0; size <= 20; size++) {
        if (size === receipt.size) continue
        expect(['path', 'signature']).toContain(await reasonOf({ ...receipt, size }))
      }
      for (const size of [2 ** 32 + receipt.size, 2 ** 33 + receipt.size, 7.5, Number.NaN]) {
        expect(await reasonOf({ ...receipt, size })).toBe('path')
      }
    }
  })

  it('with a changed, foreign or missing signature has a bad one', async () => {
    const [receipt, other] = [batchOf(2)[0]!, batchOf(2)[0]!]
    const changed = [
      flip(receipt.signature, 0),
      flip(receipt.signature, 63),
      receipt.signature.slice(0, -2),
      other.signature,
      '',
    ]
    for (const signature of changed) {
      expect(await reasonOf({ ...receipt, signature })).toBe('signature')
    }
  })

  it('that names another provider than its signer has a bad signature', async () => {
    const claimed = [encodeStatement(statementOf({ provider: stranger.peer }))]
    expect(await reasonOf(sign(claimed)[0]!)).toBe('signature')
    expect(await reasonOf(sign(claimed, stranger)[0]!)).toBe('ok')
  })

  it('of bytes that are no statement is malformed, however well signed', async () => {
    const [receipt] = sign([new Uint8Array([0xff])]) as [SignedReceipt]
    expect(await reasonOf(receipt)).toBe('malformed')
  })
})

describe('parseStatement', () => {
  const good = statementOf()
  const { model: _, ...without } = good

  it('reads what encodeStatement wrote', () => {
    const cached = statementOf({
      usage: { prompt_tokens: 7, completion_tokens: 1, cached_tokens: 5 },
    })
    for (const statement of [good, cached]) {
      expect(parseStatement(encodeStatement(statement))).toEqual(statement)
    }
  })

  it.each<[string, unknown]>([
    ['null', null],
    ['a list', [good]],
    ['an unknown version', { ...good, v: 2 }],
    ['a job that is none', { ...good, job: 'job_1' }],
    ['a lease that is none', { ...good, lease: good.job }],
    ["another job's lease", { ...good, lease: leaseOf(newJobId(0), 1) }],
    ['a provider that is none', { ...good, provider: 'me' }],
    ['a long model name', { ...good, model: 'm'.repeat(129) }],
    ['a negative count', { ...good, usage: { prompt_tokens: -1, completion_tokens: 0 } }],
    ['a fraction', { ...good, output_bytes: 0.5 }],
    ['a price in words', { ...good, price: { prompt: '1', completion: 1 } }],
    ['a short hash', { ...good, output_sha256: 'ab' }],
    ['a missing field', without],
  ])('refuses %s', (_name, value) => {
    expect(parseStatement(encodeControl(value))).toBeUndefined()
  })

  it('refuses bytes that are not UTF-8 or not JSON', () => {
    for (const bytes of [[], [0xff], [0x7b], [0xc0, 0x80]]) {
      expect(parseStatement(Uint8Array.from(bytes))).toBeUndefined()
    }
  })

  it('reads nothing longer than the wire carries, were it all escaped', () => {
    const worst = encodeStatement(
      statementOf({
        lease: leaseOf(good.job, 99),
        job: good.job,
        model: '\u0001'.repeat(128),
        engine: '\u0001'.repeat(64),
        finish_reason: '\u0001'.repeat(32),
        usage: {
          prompt_tokens: Number.MAX_SAFE_INTEGER,
          completion_tokens: Number.MAX_SAFE_INTEGER,
          cached_tokens: Number.MAX_SAFE_INTEGER,
        },
        price: { prompt: 1e12, completion: 1e12 },
        output_bytes: Number.MAX_SAFE_INTEGER,
        claim: {
          spec: 'ab'.repeat(32),
          replay: 'llama-cpp-early-out',
          sampler: {
            temperature: 1 / 3e7,
            top_k: 1e9,
            top_p: 1 / 3e7,
            min_p: 1 / 3e7,
            seed: '9'.repeat(19),
          },
          kept_only: false,
          prompt_ids: MAX_TRANSCRIPT_TOKENS,
          prompt_sha256: 'ab'.repeat(32),
          output_ids: MAX_TRANSCRIPT_TOKENS,
          output_sha256: 'ab'.repeat(32),
          positions_root: 'ab'.repeat(32),
        },
        started_at: Number.MAX_SAFE_INTEGER,
        ended_at: Number.MAX_SAFE_INTEGER,
      }),
    )
    expect(parseStatement(worst)).toBeDefined()
    expect(worst.length).toBeLessThanOrEqual(MAX_RECEIPT_STATEMENT_BYTES)
  })
})

describe('signedReceiptSchema', () => {
  const [good] = batchOf(MAX_RECEIPTS_PER_BATCH) as [SignedReceipt]

  it('takes a receipt of the largest batch', () => {
    expect(signedReceiptSchema.parse(good)).toEqual(good)
  })

  it.each<[string, unknown]>([
    ['statement', 'A'.repeat(4 * MAX_RECEIPT_STATEMENT_BYTES)],
    ['statement', 'not base64url!'],
    ['signature', 'A'.repeat(87)],
    ['signature', undefined],
    ['index', -1],
    ['index', 0.5],
    ['size', 0],
    ['size', MAX_RECEIPTS_PER_BATCH + 1],
    ['path', Array.from({ length: 7 }, () => 'A'.repeat(43))],
    ['path', ['A'.repeat(44)]],
  ])('refuses a bad %s', (field, value) => {
    const result = signedReceiptSchema.safeParse({ ...good, [field]: value })
    expect(result.error?.issues[0]?.path[0]).toBe(field)
  })
})
