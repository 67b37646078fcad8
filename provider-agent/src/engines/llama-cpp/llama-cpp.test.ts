import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { capabilityConformance } from '../capability-conformance.ts'
import {
  ask,
  contentOf,
  engineConformance,
  RecordingSink,
  requestOf,
} from '../engine-conformance.ts'
import { EngineStartError } from '../engine.ts'
import { evidenceConformance } from '../evidence-conformance.ts'
import { demoModel, type ModelFile } from '../model-file.ts'
import { renderConformance } from '../render-conformance.ts'
import { restConformance } from '../rest-conformance.ts'
import { orderOf, scoreConformance } from '../score-conformance.ts'
import { TinyEngine } from '../tiny.ts'
import { damagedModel } from '../../testing/damaged-model.ts'
import { LlamaCppEngine } from './llama-cpp.ts'

const now = () => 1_700_000_000_000
const longQuestion = 'What is Infernet?'
const model = 'infernet-demo'

const llama = (file: ModelFile = demoModel()): LlamaCppEngine =>
  new LlamaCppEngine({ files: [file], slots: 4, gpu: false }, now)

const say = (content: string) => ({ messages: [{ role: 'user', content }] })

const started = async (file?: ModelFile) => {
  const engine = llama(file)
  await engine.start({ modelsChanged: () => {}, trouble: () => {} })
  return { engine, model, longQuestion, isReal: true }
}

engineConformance('llama-cpp', () => started())
capabilityConformance('llama-cpp', () => started(), ['tools', 'json_schema', 'seed', 'continue'])
evidenceConformance('llama-cpp', () => started())
scoreConformance('llama-cpp', started)
renderConformance('llama-cpp', () => started())
restConformance('llama-cpp', () => ({
  engine: llama(),
  model,
  longQuestion,
  processes: () => childPids().length,
}))

describe('llama-cpp', () => {
  const engine = llama()
  const changes: string[][] = []
  beforeAll(() =>
    engine.start({
      modelsChanged: () => changes.push(engine.models.map(({ id }) => id)),
      trouble: () => {},
    }),
  )
  afterAll(() => engine.close())

  it('says what the pure TypeScript engine says', async () => {
    const tiny = new TinyEngine([demoModel()], now)
    await tiny.start()
    const [ours, theirs] = await Promise.all([
      ask(tiny, model, say(longQuestion)),
      ask(engine, model, say(longQuestion)),
    ])
    expect(contentOf(theirs.text)).toBe(contentOf(ours.text))
    expect(theirs.run?.usage().completion_tokens).toBe(ours.run?.usage().completion_tokens)
    await tiny.close()
  })

  it('scores what the pure TypeScript engine scores', async () => {
    const tiny = new TinyEngine([demoModel()], now)
    await tiny.start()
    const { run } = await ask(tiny, model, say(longQuestion))
    const order = orderOf(model, run!.evidence!()!)
    const { signal } = new AbortController()
    const [ours, theirs] = await Promise.all([
      tiny.score(order, signal),
      engine.score(order, signal),
    ])
    // Of tokens that are expected: llama.cpp rounds activations to 8 bits, which shows in the tail.
    for (const [i, { logprob }] of ours.entries()) {
      expect(Math.abs(logprob - (theirs[i]?.logprob ?? Number.NaN))).toBeLessThan(2e-2)
    }
    await tiny.close()
  })

  it('evaluates a shared prompt once', async () => {
    await ask(engine, model, say(longQuestion))
    const { run } = await ask(engine, model, say(longQuestion))
    expect(run?.usage().cached_tokens).toBeGreaterThan(0)
  })

  it('forces output into a JSON schema', async () => {
    const schema = {
      type: 'object',
      properties: { n: { type: 'integer' }, ok: { type: 'boolean' } },
    }
    const body = {
      ...say('Give me JSON.'),
      response_format: { type: 'json_schema', json_schema: { name: 'answer', schema } },
    }
    const { text, error } = await ask(engine, model, body, { max_output_tokens: 200 })
    expect(error).toBeUndefined()
    expect(contentOf(text).replaceAll(/\s/g, '')).toMatch(/^\{"n":-?\d/)
  })

  it('ends at a stop sequence and does not show it', async () => {
    const whole = contentOf((await ask(engine, model, say(longQuestion))).text)
    const stop = whole.slice(10, 14)
    const { text, finishReason } = await ask(engine, model, { ...say(longQuestion), stop })
    expect(finishReason).toBe('stop')
    expect(contentOf(text)).toBe(whole.slice(0, whole.indexOf(stop)))
  })

  it('survives the death of its child: the job fails, the model goes and comes back', async () => {
    const sink = new RecordingSink()
    engine.begin(requestOf(model, say(longQuestion)), sink)
    await sink.begun
    process.kill(childPid(), 'SIGKILL')
    await sink.settled
    expect(sink.error).toMatchObject({ fault: 'provider', code: 'engine_crashed' })
    expect(changes).toEqual([[]])
    await expect.poll(() => changes, { timeout: 10_000 }).toEqual([[], [model]])
    expect((await ask(engine, model, say(longQuestion))).finishReason).toBe('stop')
  })

  it('reads a long prompt in pieces, which a client may leave in between', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'infernet-')), 'long.gguf')
    writeFileSync(path, withContext(readFileSync(demoModel().path), 4_096))
    const long = llama({ id: model, path })
    await long.start({ modelsChanged: () => {}, trouble: () => {} })
    const prompt = say('What is Infernet? '.repeat(300))
    const sink = new RecordingSink()
    long.begin(requestOf(model, prompt), sink).abort()
    const fresh = await ask(long, model, prompt, { max_output_tokens: 4 })
    const cached = await ask(long, model, prompt, { max_output_tokens: 4 })
    expect(fresh.run?.usage().prompt_tokens).toBeGreaterThan(1_024)
    expect(cached.run?.usage().cached_tokens).toBeGreaterThan(1_024)
    expect(contentOf(cached.text)).toBe(contentOf(fresh.text))
    expect(sink.calls).toBe(0)
    await long.close()
  })

  it('says what its file is when it comes back, and not what it was before', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'infernet-')), 'changing.gguf')
    const bytes = readFileSync(demoModel().path)
    writeFileSync(path, withContext(bytes, 512))
    const changing = llama({ id: model, path })
    await changing.start({ modelsChanged: () => {}, trouble: () => {} })
    const before = changing.models
    await changing.rest()
    writeFileSync(path, withContext(bytes, 768))
    changing.wake()
    await expect.poll(() => changing.models.length, { timeout: 50_000 }).toBe(1)
    const weights = createHash('sha256').update(withContext(bytes, 768)).digest('hex')
    expect(before).toMatchObject([{ contextLength: 512 }])
    expect(changing.models).toMatchObject([{ contextLength: 768, spec: { weights } }])
    await changing.close()
  })

  it('takes odd sampling wishes without falling over', async () => {
    const odd = {
      logit_bias: { 99999999: 5, 3: -100 },
      frequency_penalty: 2,
      presence_penalty: -2,
      temperature: 2,
      top_p: 0,
      top_k: 1e9,
      min_p: 1,
      seed: -5,
    }
    const { error } = await ask(engine, model, { ...say(longQuestion), ...odd })
    expect(error).toBeUndefined()
  })

  it('refuses a schema that llama.cpp cannot enforce', async () => {
    const json_schema = { name: 'odd', schema: { type: 'no such type' } }
    const body = { ...say('hi'), response_format: { type: 'json_schema', json_schema } }
    const { error } = await ask(engine, model, body)
    expect(error).toMatchObject({ fault: 'request', code: 'unsupported_schema' })
  })

  it('shows no malformed file to llama.cpp', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'infernet-')), 'bad.gguf')
    writeFileSync(path, readFileSync(demoModel().path).subarray(0, 5_000))
    const bad = llama({ id: 'bad', path })
    const start = bad.start({ modelsChanged: () => {}, trouble: () => {} })
    await expect(start).rejects.toThrow(EngineStartError)
  })

  it('offers nothing that does not answer', async () => {
    const offers: number[] = []
    const bad = llama({ id: 'bad', path: damagedModel() })
    const start = bad.start({
      modelsChanged: () => void offers.push(bad.models.length),
      trouble: () => {},
    })
    await expect(start).rejects.toThrow('what it answers is no numbers')
    expect([bad.models, offers]).toEqual([[], []])
  })
})

/** A copy of a GGUF file that claims another context length. */
function withContext(file: Buffer, tokens: number): Buffer {
  const key = 'llama.context_length'
  // The key is followed by its type (u32) and then its value.
  const copy = Buffer.from(file)
  copy.writeUInt32LE(tokens, file.indexOf(key) + key.length + 4)
  return copy
}

/** The newest child of this process: the one that `describe` above started last. */
const childPid = (): number => Math.max(...childPids())

function childPids(): number[] {
  const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8')
  return children.trim() === '' ? [] : children.trim().split(' ').map(Number)
}
