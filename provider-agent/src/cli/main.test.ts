import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { countersign, receiptHash } from '@infernet/schemas/delivery-statement'
import { FRAME } from '@infernet/schemas/frame'
import {
  batchToSign,
  encodeStatement,
  splitBatch,
  toBase64Url,
  type ReceiptStatement,
} from '@infernet/schemas/receipt'
import { encodeControl } from '@infernet/schemas/wire'
import { afterEach, describe, expect, it } from 'vitest'
import { EXIT } from '../exit-codes.ts'
import { loadIdentity } from '../identity.ts'
import { FakeEdge } from '../testing/fake-edge.ts'
import { FakeEngine } from '../testing/fake-engine.ts'

const MAIN = join(import.meta.dirname, 'main.ts')
const body = { model: 'infernet-demo', messages: [{ role: 'user', content: 'hello' }] }
const newDirectory = () => mkdtempSync(join(tmpdir(), 'infernet-'))

const children: ChildProcessWithoutNullStreams[] = []
const edges: FakeEdge[] = []
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  for (const edge of edges.splice(0)) await edge.close()
})

function start(args: readonly string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [MAIN, ...args], { env: { ...process.env, ...env } })
  children.push(child)
  const output = { out: '', err: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.err += text))
  const exited = once(child, 'close').then(() => ({ code: child.exitCode, ...output }))
  return { child, output, exited }
}

async function makeEdge(): Promise<FakeEdge> {
  const edge = new FakeEdge()
  edges.push(edge)
  await edge.start()
  return edge
}

const runArgs = (edge: FakeEdge, data: string) =>
  ['run', '--edge', edge.url, '--engine', 'tiny', '--data', data, '--json'] as const

describe('infernet-agent run', () => {
  it('serves jobs, drains at SIGTERM and ends with 0, telling each event in JSON', async () => {
    const edge = await makeEdge()
    const { child, exited, output } = start(runArgs(edge, newDirectory()))
    const session = await edge.session()
    session.give(1, body)
    expect((await session.answer(1)).end).toBeDefined()
    // The edge has the end before the owner reads of it.
    await expect.poll(() => output.out, { timeout: 10_000 }).toContain('job_done')
    child.kill('SIGTERM')
    const { code, out, err } = await exited
    expect({ code, err }).toEqual({ code: EXIT.ok, err: '' })
    const events = out
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { event: string }).event)
    expect(events).toEqual([
      'key_created',
      'payout_unset',
      'engine_starting',
      'models',
      'connecting',
      'connected',
      'job_done',
      'draining',
      'stopped',
    ])
  })

  it('says where its earnings go, by the environment too, and what is wrong with that', async () => {
    const edge = await makeEdge()
    const env = { INFERNET_PAYOUT: 'me@wallet.example' }
    start([...runArgs(edge, newDirectory()), '--payout-threshold-sat', '100'], env)
    const to = { kind: 'lightning_address', address: 'me@wallet.example' }
    const payout = { to, when: 'threshold', threshold_sat: 100 }
    expect((await edge.session()).hello?.capability).toMatchObject({ payout })
    const { exited } = start([...runArgs(edge, newDirectory()), '--payout', 'me'])
    const { code, err } = await exited
    expect(code).toBe(EXIT.usage)
    expect(err).toContain('--payout takes a Lightning address')
  })

  it('is a verifier when told so, with an engine that can', async () => {
    const edge = await makeEdge()
    start([...runArgs(edge, newDirectory()), '--role', 'verifier'])
    const session = await edge.session()
    expect(session.capability?.role).toBe('verifier')
    const order = { id: 1, model: 'infernet-demo', prompt: [1], output: [2, 3] }
    expect(await session.askScore(order)).toMatchObject({ positions: [{ id: 2 }, { id: 3 }] })
    const server = new FakeEngine()
    server.models = [{ id: 'm', owned_by: 'sglang' }]
    await server.start()
    const flags = ['--edge', edge.url, '--engine-url', server.url, '--role', 'verifier']
    const { code, err } = await start(['run', ...flags, '--data', newDirectory()]).exited
    await server.close()
    expect(code).toBe(EXIT.usage)
    expect(err).toContain('--role verifier needs an engine that scores answers')
  })

  it('offers what its owner says, by flags or by the environment', async () => {
    const edge = await makeEdge()
    const env = { INFERNET_CAPABILITIES: 'seed', INFERNET_DATA_COLLECTION: 'allow' }
    const flags = ['--endpoints', 'completions', '--quantization', 'int4']
    start([...runArgs(edge, newDirectory()), ...flags], env)
    const session = await edge.session()
    expect(session.capability).toMatchObject({
      data_collection: 'allow',
      models: [{ endpoints: ['completions'], capabilities: ['seed'], quantization: 'int4' }],
    })
    session.give(1, body)
    expect((await session.answer(1)).types).toEqual([FRAME.busy])
  })

  it('loses no stored receipt to kill -9', async () => {
    const edge = await makeEdge()
    const data = newDirectory()
    const first = start(runArgs(edge, data))
    const session = await edge.session()
    const { lease } = session.give(1, body)
    const sent = await session.until(() => session.of(0, FRAME.receipts)[0], 'receipts')
    first.child.kill('SIGKILL')
    await first.exited
    const second = start(runArgs(edge, data))
    const next = await edge.session(2)
    const again = await next.until(() => next.of(0, FRAME.receipts)[0], 'receipts again')
    expect(again.payload.equals(sent.payload)).toBe(true)
    next.send(FRAME.receiptAck, 0, encodeControl({ results: [{ lease, status: 'stored' }] }))
    second.child.kill('SIGTERM')
    expect((await second.exited).code).toBe(EXIT.ok)
  })

  it('ends with its supervisor', async () => {
    const edge = await makeEdge()
    const { child, exited } = start(runArgs(edge, newDirectory()), { INFERNET_SUPERVISED: '1' })
    await edge.session()
    child.stdin.end()
    expect((await exited).code).toBe(EXIT.ok)
  })

  it.each([
    [['run'], EXIT.usage, 'required option'],
    [['run', '--edge', 'nonsense'], EXIT.usage, 'write it like https://'],
    [['run', '--edge', 'http://127.0.0.1:1', '--price', 'x'], EXIT.usage, 'write it like prompt='],
    [['run', '--edge', 'http://127.0.0.1:1', '--slots', '0'], EXIT.usage, 'from 1 to'],
    [
      ['run', '--edge', 'http://127.0.0.1:1', '--endpoints', 'chat'],
      EXIT.usage,
      "there is no 'chat': --endpoints (INFERNET_ENDPOINTS) takes any of chat.completions",
    ],
    [
      ['run', '--edge', 'http://127.0.0.1:1', '--engine', 'tiny', '--endpoints', 'embeddings'],
      EXIT.engine,
      'infernet-demo cannot do embeddings; with this engine it can: chat.completions',
    ],
    [
      ['run', '--edge', 'http://127.0.0.1:1', '--engine-url', 'x'],
      EXIT.usage,
      'write it like --engine-url',
    ],
    [
      ['run', '--edge', 'http://127.0.0.1:1', '--engine', 'openai-http'],
      EXIT.usage,
      'write it like --engine-url',
    ],
    [
      ['run', '--edge', 'http://127.0.0.1:1', '--engine', 'tiny', '--model', '/no/such.gguf'],
      EXIT.engine,
      '/no/such.gguf',
    ],
  ])('explains %j', async (args, code, message) => {
    const result = await start([...args, ...(args.length > 1 ? ['--data', newDirectory()] : [])])
      .exited
    expect(result.code).toBe(code)
    expect(result.err).toContain(message)
  })

  it('ends with 4 when the edge needs another version', async () => {
    const edge = await makeEdge()
    edge.options = { versions: { min: 9, max: 9 } }
    const { code, out } = await start(runArgs(edge, newDirectory())).exited
    expect(code).toBe(EXIT.refused)
    expect(out).toContain('update infernet-agent')
  })

  it('ends with 5 when the key is damaged', async () => {
    const data = newDirectory()
    loadIdentity(join(data, 'agent', 'key.pem'))
    writeFileSync(join(data, 'agent', 'key.pem'), 'nonsense')
    const result = await start(['run', '--edge', 'http://127.0.0.1:1', '--data', data]).exited
    expect(result).toMatchObject({
      code: EXIT.data,
      err: expect.stringContaining('key.pem') as string,
    })
  })
})

describe('infernet-agent receipt verify', () => {
  const directory = newDirectory()
  const { identity } = loadIdentity(join(directory, 'key.pem'))
  const statement: ReceiptStatement = {
    v: 1,
    job: `job_${'a'.repeat(32)}` as never,
    lease: `job_${'a'.repeat(32)}.1` as never,
    provider: identity.peer,
    model: 'm',
    engine: 'tiny',
    usage: { prompt_tokens: 1, completion_tokens: 2 },
    price: { prompt: 1, completion: 1 },
    finish_reason: 'stop',
    output_sha256: '0'.repeat(64),
    output_bytes: 1,
    started_at: 0,
    ended_at: 1,
  }
  const statements = [statement, { ...statement, model: 'other' }].map(encodeStatement)
  const { receipts: batched } = splitBatch({
    signature: toBase64Url(identity.sign(batchToSign(statements))),
    statements: statements.map(toBase64Url),
  })
  const receipts = batched.map(({ receipt }) => receipt)

  it('accepts what holds, from a file or standard input', async () => {
    const file = join(directory, 'receipts.json')
    writeFileSync(file, JSON.stringify(receipts))
    const { code, out } = await start(['receipt', 'verify', file]).exited
    expect(code).toBe(EXIT.ok)
    expect(out.match(/good {2}/g)).toHaveLength(2)
    const piped = start(['receipt', 'verify', '-', '--json'])
    piped.child.stdin.end(JSON.stringify(receipts[0]))
    const result = await piped.exited
    expect(JSON.parse(result.out)).toMatchObject({ ok: true, statement: { model: 'm' } })
  })

  it('accepts what an edge answers, and shows where it and the provider agree', async () => {
    const { job, lease, provider } = statement
    const edge = { peer: identity.peer, sign: async (bytes: Uint8Array) => identity.sign(bytes) }
    const countersigned = await countersign(edge, {
      v: 1,
      job,
      lease,
      provider,
      model: 'm',
      status: 'completed',
      finish_reason: 'stop',
      usage: { prompt_tokens: 1, completion_tokens: 1 },
      cost_msat: '3',
      prior_legs: [],
      created: 1,
      first_byte_ms: 1,
      total_ms: 2,
      receipt_sha256: receiptHash(receipts[0]!),
    })
    const file = join(directory, 'whole.json')
    const whole = { object: 'receipt', id: job, lease, signed: receipts[0], countersigned }
    writeFileSync(file, JSON.stringify(whole))
    const { code, out } = await start(['receipt', 'verify', file, '--issuer', edge.peer]).exited
    expect(code).toBe(EXIT.ok)
    expect(out.match(/good {2}/g)).toHaveLength(3)
    expect(out).toMatch(/✓ model +m\n/)
    expect(out).toMatch(/≠ completion tokens +edge 1, provider 2\n/)
    const other = loadIdentity(join(directory, 'other.pem')).identity.peer
    const pinned = await start(['receipt', 'verify', file, '--issuer', other]).exited
    expect(pinned).toMatchObject({
      code: EXIT.badReceipt,
      out: expect.stringContaining('it is by another edge') as string,
    })
  })

  it('refuses what does not', async () => {
    const file = join(directory, 'bad.json')
    writeFileSync(
      file,
      JSON.stringify([receipts[0], { ...receipts[1], statement: receipts[0]?.statement }]),
    )
    const { code, out } = await start(['receipt', 'verify', file]).exited
    expect(code).toBe(EXIT.badReceipt)
    expect(out).toMatch(/good[^]*bad/)
    writeFileSync(file, '{"hello":1}')
    const other = await start(['receipt', 'verify', file]).exited
    expect(other).toMatchObject({
      code: EXIT.usage,
      err: expect.stringContaining('not a signed receipt') as string,
    })
    writeFileSync(file, '[]')
    expect(await start(['receipt', 'verify', file]).exited).toMatchObject({ code: EXIT.usage })
  })
})
