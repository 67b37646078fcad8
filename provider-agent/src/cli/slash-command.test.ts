import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { appealSchema, verifyAppeal } from '@infernet/schemas/appeal'
import { newJobId } from '@infernet/schemas/ids'
import { specIdOf, type ModelSpec } from '@infernet/schemas/model-spec'
import { readSignedRequest } from '@infernet/schemas/provider-request'
import { slashIdOf, type SlashFacts } from '@infernet/schemas/slash-facts'
import { encodeUtf8 } from '@infernet/schemas/utf8'
import { drawnAnswer } from '@infernet/verification/testing/drawn-answer'
import { evidenceHash, type AuditEvidence } from '@infernet/verification/verdict/audit-evidence'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { askEngine } from '../calibration/ask-engine.ts'
import { demoModel } from '../engines/model-file.ts'
import { TinyEngine } from '../engines/tiny.ts'
import { EXIT } from '../exit-codes.ts'
import { loadIdentity } from '../identity.ts'
import { evidenceAbout, SAMPLER } from '../testing/slash-evidence.ts'

const MAIN = join(import.meta.dirname, 'main.ts')
const TOKENS = 48
const folder = mkdtempSync(join(tmpdir(), 'infernet-'))
const { identity } = loadIdentity(join(folder, 'agent', 'key.pem'))
const DATA = ['--data', folder]
const MODEL = ['--model', demoModel().path]

const engine = new TinyEngine([demoModel()], Date.now)
let spec: ModelSpec
let cheated: AuditEvidence
beforeAll(async () => {
  await engine.start()
  spec = engine.models[0]!.spec!
  // Tokens of no model at all, under the name of one.
  cheated = evidenceAbout(identity, {
    spec,
    sampler: SAMPLER,
    transcript: drawnAnswer(SAMPLER, TOKENS),
  })
})
afterAll(() => engine.close())

/** What the demo model itself answers. */
async function honest(): Promise<AuditEvidence> {
  const { temperature, top_k, top_p, min_p, seed } = SAMPLER
  const messages = [{ role: 'user', content: 'Tell me about the edge.' }]
  const settings = { temperature, top_k, top_p, min_p, ignore_eos: true }
  const body = JSON.stringify({ model: 'infernet-demo', messages, ...settings })
  const request = {
    endpoint: 'chat.completions' as const,
    model: 'infernet-demo',
    continues: false,
    seed: Number(seed),
    stream: false,
    include_usage: false,
    max_output_tokens: 16,
    body: encodeUtf8(body),
  }
  const { sampler, transcript } = await askEngine(engine, request, new AbortController().signal)
  return evidenceAbout(identity, { spec, sampler, transcript })
}

async function run(...args: string[]) {
  const child = spawn(process.execPath, [MAIN, ...args])
  const [out, err] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ])
  return { code: child.exitCode, out, err }
}

let files = 0
function fileOf(evidence: unknown): string {
  const file = join(folder, `evidence-${files++}.json`)
  writeFileSync(file, JSON.stringify(evidence))
  return file
}

describe('infernet-agent slash verify', () => {
  it('convicts by one’s own computation, and says what it rests on', async () => {
    const file = fileOf(cheated)
    const sha256 = evidenceHash(JSON.stringify(cheated))
    const { code, out, err } = await run('slash', 'verify', file, ...MODEL, '--edge-sha256', sha256)
    expect({ code, err }).toEqual({ code: EXIT.ok, err: '' })
    expect(out).toContain(`✓ published bytes SHA-256 ${sha256}`)
    expect(out).toContain(`signed by ${identity.peer}`)
    expect(out).toMatch(/^! layer 2 +convicts: .* by this machine$/m)
    expect(out).toMatch(/the evidence convicts\n {2}it takes the edge’s word on how much/)
  })

  it('does not convict who gave the model’s own answer', async () => {
    const { code, out } = await run('slash', 'verify', fileOf(await honest()), ...MODEL, '--json')
    expect(code).toBe(EXIT.notProven)
    expect(JSON.parse(out)).toMatchObject({ verdict: 'acquits' })
    expect(out).not.toContain('convicts":')
  })

  it('refuses what was changed', async () => {
    const wrong = await run('slash', 'verify', fileOf(cheated), '--edge-sha256', '0'.repeat(64))
    expect(wrong).toMatchObject({ code: EXIT.badReceipt })
    expect(wrong.out).toContain('✗ published bytes')
    const { receipt } = await honest()
    const other = await run('slash', 'verify', fileOf({ ...cheated, receipt }), ...MODEL)
    expect(other.code).toBe(EXIT.badReceipt)
    expect(other.out).toContain('the evidence does not hold')
  })

  it.each([
    [['/no/such.json'], EXIT.usage, 'cannot read'],
    [['http://127.0.0.1:1/v1/receipts/x'], EXIT.usage, 'no slash’s URL'],
    [[`http://127.0.0.1:1/v1/slashes/slash_${'a'.repeat(32)}`], EXIT.edge, 'cannot ask'],
  ])('explains %j', async (args, code, message) => {
    const result = await run('slash', 'verify', ...args)
    expect(result.code).toBe(code)
    expect(result.err).toContain(message)
  })

  it('takes no other model’s weights for the spec’s', async () => {
    const { code, err } = await run('slash', 'verify', fileOf(cheated), '--model', MAIN)
    expect(code).toBe(EXIT.usage)
    expect(err).toContain('is another model')
  })
})

/** An edge that has slashed this provider, and shows private evidence to it alone. */
async function startEdge() {
  const evidence = JSON.stringify(cheated)
  const sha256 = evidenceHash(evidence)
  const id = slashIdOf(sha256)
  const { lease } = JSON.parse(
    Buffer.from(cheated.receipt.statement, 'base64url').toString(),
  ) as SlashFacts
  const none = { appealed_at: null, decided_at: null, refunded_msat: null, forfeited_msat: null }
  const what = {
    id,
    object: 'slash',
    provider: identity.peer,
    spec: specIdOf(spec),
    model: 'm',
    lease,
  }
  const times = { affected_from: 1, opened_at: 2, appeal_until: 3 }
  const how = { state: 'open', evidence_sha256: sha256, evidence_open: false }
  const facts = { ...what, ...how, ...times, ...none } as SlashFacts
  const appeals: unknown[] = []
  const server = createServer(async (request, response) => {
    const reply = (status: number, body: string) => response.writeHead(status).end(body)
    const about = request.url!.split('/')[3]!
    const own = await readSignedRequest((name) => headerOf(request, name), about, Date.now())
    const isOwn = own?.ok === true && own.peer === identity.peer
    const refusal = JSON.stringify({ error: { message: 'It is private.' } })
    if (request.url === `/v1/slashes/${id}`) return reply(200, JSON.stringify(facts))
    if (request.url === `/v1/slashes?provider=${identity.peer}`) {
      return reply(200, JSON.stringify({ object: 'list', data: [facts] }))
    }
    if (request.method === 'POST') {
      appeals.push(JSON.parse(await text(request)))
      return reply(200, JSON.stringify({ ...facts, state: 'appealed', appealed_at: 4 }))
    }
    if (!isOwn) return reply(403, refusal)
    return reply(200, request.url!.endsWith('/evidence') ? evidence : '{"object":"receipt"}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, id, appeals }
}

const headerOf = (request: IncomingMessage, name: string) => request.headers[name] as string
const closing: (() => void)[] = []
afterEach(() => closing.splice(0).forEach((close) => close()))

describe('infernet-agent and an edge that has slashed', () => {
  it('verifies what is published there: the provider its own private evidence too', async () => {
    const { url, id } = await startEdge()
    const page = `${url}/v1/slashes/${id}/evidence`
    const own = await run('slash', 'verify', page, ...DATA, ...MODEL, '--json')
    expect(own.code).toBe(EXIT.ok)
    expect(own.out).toContain('the published provider, lease, model and spec are the receipt’s')
    const stranger = await run('slash', 'verify', page, '--data', join(folder, 'nobody'))
    expect(stranger.code).toBe(EXIT.edge)
    expect(stranger.err).toContain('refuses (403): It is private.')
  })

  it('shows a slash, or all of a provider', async () => {
    const { url, id } = await startEdge()
    const one = await run('slash', 'show', id, '--edge', `${url}/v1`)
    expect(one).toMatchObject({ code: EXIT.ok, err: '' })
    expect(one.out).toContain(`appeal until  ${new Date(3000).toISOString()}`)
    const all = await run('slash', 'show', '--edge', url, ...DATA, '--json')
    expect(JSON.parse(all.out)).toMatchObject({ id, provider: identity.peer })
  })

  it('appeals with the provider’s key', async () => {
    const { url, id, appeals } = await startEdge()
    const args = ['slash', 'appeal', id, '--edge', url]
    const { code, out } = await run(...args, ...DATA, '--reason', 'Another card.')
    expect(code).toBe(EXIT.ok)
    expect(out).toContain('appealed')
    const said = appealSchema.parse(appeals[0])
    expect(said.reason).toBe('Another card.')
    expect(await verifyAppeal(identity.peer, id, said)).toBe(true)
    const keyless = await run(...args, '--data', join(folder, 'nobody'), '--reason', 'x')
    expect(keyless).toMatchObject({ code: EXIT.data })
    expect(appeals).toHaveLength(1)
  })

  it('fetches a receipt of the provider’s own', async () => {
    const { url } = await startEdge()
    const fetched = await run('receipt', 'fetch', newJobId(1), '--edge', url, ...DATA)
    expect(fetched).toMatchObject({ code: EXIT.ok, out: '{"object":"receipt"}\n' })
  })
})
