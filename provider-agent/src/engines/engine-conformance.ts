import { setTimeout as sleep } from 'node:timers/promises'
import type { JobError } from '@infernet/schemas/wire'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  faultOf,
  type Engine,
  type EngineRequest,
  type EngineRun,
  type EngineSink,
  type EngineUsage,
} from './engine.ts'

/** An engine that has been started, and what the suite needs to know about it. */
export interface ConformanceSubject {
  readonly engine: Engine
  readonly model: string
  /** Something that is answered with 20 tokens or more at temperature 0. */
  readonly longQuestion: string
  /** Whether it is a real model: one that is random where it may be. */
  readonly isReal: boolean
  /** Its server reads a space at the end of a begun answer as a token; few models know what to say behind one. */
  readonly readsLastSpace?: boolean
  /** Its server drops the beginning of a prompt that does not fit, and says nothing of it. */
  readonly dropsBeginnings?: boolean
  /** What else has to be cleaned up. */
  readonly dispose?: () => Promise<void>
}

/** One answer as the suite records it. */
export interface RecordedAnswer {
  readonly text: string
  readonly finishReason: string | undefined
  readonly error: JobError | undefined
  readonly run: EngineRun | undefined
}

/** Records an answer; `settled` resolves when it has finished or failed. */
export class RecordingSink implements EngineSink {
  readonly chunks: Uint8Array[] = []
  finishReason: string | undefined
  error: JobError | undefined
  calls = 0
  readonly #settled = Promise.withResolvers<void>()
  readonly #first = Promise.withResolvers<void>()

  data(bytes: Uint8Array): void {
    this.calls++
    this.chunks.push(bytes)
    this.#first.resolve()
  }

  finish(reason: string): void {
    this.calls++
    this.finishReason = reason
    this.#settled.resolve()
  }

  fail(error: JobError): void {
    this.calls++
    this.error = error
    this.#settled.resolve()
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString()
  }

  get settled(): Promise<void> {
    return this.#settled.promise
  }

  /** Resolves at the first byte. */
  get begun(): Promise<void> {
    return this.#first.promise
  }
}

/** Asks an engine and waits for the end of the answer. */
export async function ask(
  engine: Engine,
  model: string,
  body: Record<string, unknown>,
  more: Partial<EngineRequest> = {},
): Promise<RecordedAnswer> {
  const sink = new RecordingSink()
  try {
    const run = engine.begin(requestOf(model, body, more), sink)
    await sink.settled
    const { text, finishReason, error } = sink
    return { text, finishReason, error, run }
  } catch (error) {
    return { text: '', finishReason: undefined, error: faultOf(error), run: undefined }
  }
}

/** A request as the agent would make it from a job. */
export const requestOf = (
  model: string,
  body: Record<string, unknown>,
  more: Partial<EngineRequest> = {},
): EngineRequest => ({
  model,
  endpoint: 'chat.completions',
  continues: false,
  stream: true,
  include_usage: false,
  seed: 7,
  max_output_tokens: 64,
  body: Buffer.from(JSON.stringify({ model, temperature: 0, ...body })),
  ...more,
})

/** The JSON of each event of a stream. */
export const eventsOf = (text: string): Record<string, unknown>[] =>
  text
    .split('\n\n')
    .filter((event) => event !== '')
    .map((event) => JSON.parse(event.replace(/^data: /, '')) as Record<string, unknown>)

/** The text of a stream, of a chat or a completion. */
export const contentOf = (text: string): string =>
  eventsOf(text)
    .flatMap((event) => event['choices'] as StreamChoice[])
    .map(({ delta, text: said }) => delta?.content ?? said ?? '')
    .join('')

interface StreamChoice {
  readonly delta?: { readonly content?: string | null }
  readonly text?: string
}

/** The vectors of an answer, as numbers. */
export const vectorsOf = (text: string): number[][] =>
  (JSON.parse(text) as { data: { embedding: number[] | string }[] }).data.map(({ embedding }) =>
    typeof embedding === 'string'
      ? [...new Float32Array(Uint8Array.from(Buffer.from(embedding, 'base64')).buffer)]
      : embedding,
  )

const say = (content: string) => ({ messages: [{ role: 'user', content }] })

/** A conversation whose answer has begun. */
const saying = (question: string, begun: string) => ({
  messages: [
    { role: 'user', content: question },
    { role: 'assistant', content: begun },
  ],
})

const tokensOf = (usage: EngineUsage | undefined): number =>
  (usage?.prompt_tokens ?? 0) + (usage?.completion_tokens ?? 0)

/** Wild enough that another seed says something else. */
const DICE = { temperature: 1.9, top_k: 0, top_p: 1, min_p: 0 }
const COMPLETES = { endpoint: 'completions' } as const
const EMBEDS = { endpoint: 'embeddings', stream: false } as const

/** What every engine must do; run it from the engine's own test. */
export function engineConformance(name: string, make: () => Promise<ConformanceSubject>): void {
  describe(`${name} keeps the engine contract`, () => {
    let subject: ConformanceSubject
    beforeAll(async () => {
      subject = await make()
    })
    afterAll(async () => {
      await subject.engine.close()
      await subject.dispose?.()
    })

    /** Whether a prompt is completed; where it is not offered it is refused. */
    const offers = async (endpoint: 'completions'): Promise<boolean> => {
      const { engine, model } = subject
      if (engine.models.find(({ id }) => id === model)?.endpoints.includes(endpoint)) return true
      const { error } = await ask(engine, model, { prompt: 'q' }, { endpoint })
      expect(error).toMatchObject({ fault: 'request', status: 404 })
      return false
    }

    it('offers its models with a context length', () => {
      const model = subject.engine.models.find(({ id }) => id === subject.model)
      expect(model?.contextLength).toBeGreaterThan(0)
      expect(subject.engine.kind).not.toBe('')
    })

    it('can be woken if it can rest', () => {
      const { rest, wake } = subject.engine
      expect(rest === undefined).toBe(wake === undefined)
    })

    it('streams whole events: a role first, a finish reason last, no [DONE], no usage', async () => {
      const { engine, model, longQuestion } = subject
      const { text, finishReason, run } = await ask(engine, model, say(longQuestion))
      expect(text.endsWith('\n\n')).toBe(true)
      expect(text).not.toContain('[DONE]')
      const events = eventsOf(text)
      const choices = events.map((event) => (event['choices'] as object[])[0])
      expect(choices[0]).toMatchObject({ delta: { role: 'assistant' }, finish_reason: null })
      expect(choices.at(-1)).toMatchObject({ finish_reason: finishReason })
      expect(new Set(events.map(({ id }) => id)).size).toBe(1)
      expect(events.every((event) => (event['usage'] ?? null) === null)).toBe(true)
      expect(contentOf(text).length).toBeGreaterThan(20)
      expect(run?.usage().completion_tokens).toBeGreaterThanOrEqual(20)
      expect(run?.usage().prompt_tokens).toBeGreaterThan(0)
    })

    it('sends the usage chunk last when it is asked for, and means the same by it', async () => {
      const { engine, model, longQuestion } = subject
      const { text, run } = await ask(engine, model, say(longQuestion), { include_usage: true })
      const last = eventsOf(text).at(-1)
      const { prompt_tokens, completion_tokens } = run!.usage()
      expect(last).toMatchObject({ choices: [], usage: { prompt_tokens, completion_tokens } })
    })

    it('answers with one JSON document when not streaming', async () => {
      const { engine, model, longQuestion } = subject
      const { text, finishReason } = await ask(engine, model, say(longQuestion), { stream: false })
      expect(JSON.parse(text)).toMatchObject({
        object: 'chat.completion',
        choices: [{ finish_reason: finishReason, message: { role: 'assistant' } }],
      })
    })

    it('generates no more than it is paid for', async () => {
      const { engine, model, longQuestion } = subject
      const body = { ...say(longQuestion), max_completion_tokens: 1000 }
      const { finishReason, run } = await ask(engine, model, body, { max_output_tokens: 5 })
      expect(finishReason).toBe('length')
      expect(run?.usage().completion_tokens).toBeLessThanOrEqual(5)
    })

    it('never speaks from within begin', async () => {
      const sink = new RecordingSink()
      subject.engine.begin(requestOf(subject.model, say(subject.longQuestion)), sink)
      expect(sink.calls).toBe(0)
      await sink.settled
    })

    it('is silent after abort, and abort is harmless after the end', async () => {
      const { engine, model, longQuestion } = subject
      const sink = new RecordingSink()
      const run = engine.begin(requestOf(model, say(longQuestion)), sink)
      await sink.begun
      run.abort()
      const calls = sink.calls
      await sleep(50)
      expect(sink.calls).toBe(calls)
      run.abort()
      const { run: finished } = await ask(engine, model, say(longQuestion))
      finished?.abort()
      expect(finished?.usage().completion_tokens).toBeGreaterThan(0)
    })

    it('pauses and goes on where it was', async () => {
      const { engine, model, longQuestion } = subject
      const whole = await ask(engine, model, say(longQuestion))
      const sink = new RecordingSink()
      const run = engine.begin(requestOf(model, say(longQuestion)), sink)
      await sink.begun
      run.pause()
      // A process of its own hears of it late where the machine is busy.
      let calls = -1
      for (let looks = 0; looks < 6 && calls !== sink.calls; looks++) {
        calls = sink.calls
        await sleep(30)
      }
      await sleep(50)
      expect(sink.calls).toBe(calls)
      run.resume()
      await sink.settled
      expect(contentOf(sink.text)).toBe(contentOf(whole.text))
    })

    it('keeps parallel answers apart', async () => {
      const { engine, model, longQuestion } = subject
      const alone = await ask(engine, model, say(longQuestion))
      const answers = await Promise.all(
        Array.from({ length: 4 }, () => ask(engine, model, say(longQuestion))),
      )
      expect(answers.map(({ text }) => contentOf(text))).toEqual(
        answers.map(() => contentOf(alone.text)),
      )
    })

    it('blames the request for a body that is none', async () => {
      const { engine, model } = subject
      const { error } = await ask(engine, model, { messages: 'hello' })
      expect(error).toMatchObject({ fault: 'request', status: 400 })
      const body = Buffer.from('{"messages":')
      expect((await ask(engine, model, {}, { body })).error).toMatchObject({ fault: 'request' })
    })

    it('answers a prompt beyond its context with context_length_exceeded', async () => {
      const { engine, model, dropsBeginnings = false } = subject
      const contextLength = engine.models.find(({ id }) => id === model)?.contextLength ?? 0
      const words = 'tell me more '.repeat((20 * contextLength) / 12)
      const more = dropsBeginnings ? { max_output_tokens: 5 } : {}
      const { error, run } = await ask(engine, model, say(words), more)
      if (dropsBeginnings) {
        expect(run?.usage().prompt_tokens).toBe(contextLength)
        return
      }
      expect(error).toMatchObject({
        fault: 'request',
        code: 'context_length_exceeded',
        status: 400,
      })
    })

    it('refuses a model it does not have', async () => {
      const { error } = await ask(subject.engine, 'no-such-model', say('hello'))
      expect(error).toBeDefined()
    })

    it('goes on with a begun answer wherever it was cut, repeating and losing nothing', async () => {
      const { engine, model, longQuestion } = subject
      const whole = await ask(engine, model, say(longQuestion))
      const pieces = eventsOf(whole.text).map((event) =>
        contentOf(`data: ${JSON.stringify(event)}`),
      )
      const text = pieces.join('')
      for (let at = 1; at < pieces.length; at += 3) {
        const begun = pieces.slice(0, at).join('')
        if (begun === '' || begun === text) continue
        const rest = await ask(engine, model, saying(longQuestion, begun), { continues: true })
        expect(begun + contentOf(rest.text)).toBe(text)
        expect(rest.finishReason).toBe(whole.finishReason)
        const [counted, all] = [rest.run?.usage(), whole.run?.usage()]
        expect(counted?.completion_tokens).toBeLessThan(all?.completion_tokens ?? 0)
        // What was said already is prompt now, and no token is counted twice.
        if (subject.isReal) expect(tokensOf(counted)).toBe(tokensOf(all))
      }
    })

    it('goes on behind a space that the delivered text ends with', async () => {
      const { engine, model, longQuestion, readsLastSpace = false } = subject
      const text = contentOf((await ask(engine, model, say(longQuestion))).text)
      const begun = text.slice(0, text.indexOf(' ', 5) + 1)
      const rest = await ask(engine, model, saying(longQuestion, begun), { continues: true })
      if (readsLastSpace) expect(contentOf(rest.text)).toMatch(/^\S/)
      else expect(begun + contentOf(rest.text)).toBe(text)
    })

    it('completes a prompt in a stream of text, within 16 tokens unless told otherwise', async () => {
      const { engine, model } = subject
      if (!(await offers('completions'))) return
      const { text, finishReason, run } = await ask(engine, model, { prompt: 'w0 ' }, COMPLETES)
      const events = eventsOf(text)
      expect(events.every(({ object }) => object === 'text_completion')).toBe(true)
      expect(events.at(-1)).toMatchObject({ choices: [{ index: 0, finish_reason: finishReason }] })
      expect(text).not.toContain('[DONE]')
      expect(contentOf(text)).not.toBe('')
      expect(run?.usage().completion_tokens).toBeLessThanOrEqual(16)
    })

    it('completes a prompt in one document, saying what the stream says', async () => {
      const { engine, model } = subject
      if (!(await offers('completions'))) return
      const body = { prompt: ['Infernet is'], max_tokens: 8 }
      const streamed = await ask(engine, model, body, COMPLETES)
      const whole = await ask(engine, model, body, { ...COMPLETES, stream: false })
      expect(JSON.parse(whole.text)).toMatchObject({
        object: 'text_completion',
        choices: [{ text: contentOf(streamed.text), finish_reason: whole.finishReason }],
        usage: { completion_tokens: whole.run?.usage().completion_tokens },
      })
    })

    it('goes on with a begun completion at the end of its prompt', async () => {
      const { engine, model } = subject
      if (!(await offers('completions'))) return
      const body = { prompt: 'Infernet is', max_tokens: 12 }
      const whole = await ask(engine, model, body, COMPLETES)
      const begun = contentOf(whole.text.slice(0, whole.text.indexOf('\n\n') + 2))
      const rest = await ask(
        engine,
        model,
        { ...body, prompt: `Infernet is${begun}` },
        { ...COMPLETES, continues: true, max_output_tokens: 11 },
      )
      expect(begun + contentOf(rest.text)).toBe(contentOf(whole.text))
    })

    it('says the same for a seed, and something else for others', async () => {
      const { engine, model, longQuestion, isReal } = subject
      const answer = async (seed: number) => {
        const { text } = await ask(engine, model, { ...say(longQuestion), ...DICE, seed })
        return contentOf(text)
      }
      expect(await answer(7)).toBe(await answer(7))
      // Sure of most of its tokens, a model may agree with itself by chance; not eight times.
      const others = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(answer))
      expect(new Set(others).size > 1).toBe(isReal)
    })

    it('embeds each input, in both formats, if it offers to', async () => {
      const { engine, model } = subject
      const offered = engine.models.find(({ id }) => id === model)?.endpoints ?? []
      const body = { input: ['hello', 'a longer text'] }
      const floats = await ask(engine, model, body, EMBEDS)
      if (!offered.includes('embeddings')) {
        expect(floats.error).toMatchObject({ fault: 'request', status: 404 })
        return
      }
      expect(JSON.parse(floats.text)).toMatchObject({ object: 'list', model })
      const [first = [], second = []] = vectorsOf(floats.text)
      expect(first).toHaveLength(second.length)
      expect(first).not.toEqual(second)
      expect(floats.finishReason).toBe('stop')
      expect(floats.run?.usage()).toMatchObject({ completion_tokens: 0 })
      expect(floats.run?.usage().prompt_tokens).toBeGreaterThan(0)
      const inBase64 = { ...body, encoding_format: 'base64' }
      const packed = await ask(engine, model, inBase64, EMBEDS)
      expect(packed.text).not.toContain('[0')
      for (const [i, x] of (vectorsOf(packed.text)[0] ?? []).entries()) {
        expect(x).toBeCloseTo(first[i] ?? Number.NaN, 5)
      }
      const alone = await ask(engine, model, { input: 'hello' }, EMBEDS)
      for (const [i, x] of (vectorsOf(alone.text)[0] ?? []).entries()) {
        expect(x).toBeCloseTo(first[i] ?? Number.NaN, 5)
      }
    })

    it.each([
      ['completions', { prompt: 7 }],
      ['embeddings', { input: [] }],
    ] as const)('blames the request for a body that is none of %s', async (endpoint, body) => {
      const { engine, model } = subject
      const { error } = await ask(engine, model, body, { endpoint, stream: false })
      expect(error).toMatchObject({ fault: 'request' })
    })

    it('ends running work in silence when closed', async () => {
      const other = await make()
      const sink = new RecordingSink()
      other.engine.begin(requestOf(other.model, say(other.longQuestion)), sink)
      await sink.begun
      await other.engine.close()
      const calls = sink.calls
      await sleep(30)
      expect(sink.calls).toBe(calls)
      await other.dispose?.()
    })
  })
}
