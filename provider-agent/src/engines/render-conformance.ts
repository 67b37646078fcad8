import { meterAnswer } from '@infernet/openai-compat/completion-meter'
import { encodeUtf8 } from '@infernet/schemas/utf8'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, contentOf, requestOf, type ConformanceSubject } from './engine-conformance.ts'
import type { EngineRequest } from './engine.ts'
import type { RenderOrder } from './render-order.ts'

type Body = Record<string, unknown>
type Case = [string, Body]

/** Likely to say any token at all, parts of characters among them. */
const WILD = { temperature: 2, top_k: 1_000, top_p: 1, min_p: 0 }

/** Some servers refuse it, or have nothing to say of it. */
const NO_BEGINNING: Case = ['no beginning', { prompt: '', ...WILD }]

const user = (content: string) => ({ role: 'user', content })
const never = new AbortController().signal

const endpointOf = (body: Body): 'completions' | 'chat.completions' =>
  'prompt' in body ? 'completions' : 'chat.completions'

/** How an engine differs from the embedded ones. */
export interface RenderTraits {
  /** It leaves texts out, and some answers without evidence, where it cannot be sure. */
  readonly leavesUnclear?: boolean
  /** It goes on with an answer that a chat ends with, told to or not. */
  readonly alwaysGoesOn?: boolean
  /** Its server does not tell which tokens there are. */
  readonly takesAnyToken?: boolean
}

/** What every engine that renders must do; run it from the engine's own test. */
export function renderConformance(
  name: string,
  make: () => Promise<ConformanceSubject>,
  { leavesUnclear = false, alwaysGoesOn = false, takesAnyToken = false }: RenderTraits = {},
): void {
  describe(`${name} renders requests`, () => {
    let subject: ConformanceSubject
    beforeAll(async () => {
      subject = await make()
    })
    afterAll(() => subject.engine.close())

    const orderOf = (body: Body, change: Partial<RenderOrder> = {}): RenderOrder => {
      const { model } = subject
      const { body: bytes } = requestOf(model, body)
      const endpoint = endpointOf(body)
      return { model, endpoint, continues: false, body: bytes, output: [1], ...change }
    }
    const rendered = async (order: RenderOrder, signal = never, by = subject) => {
      const rendering = await by.engine.render?.(order, signal)
      if (rendering === undefined) throw new Error('it does not render')
      return rendering
    }
    /** Streams of some servers leave the token out that ended them. */
    const WITH_ENDING = leavesUnclear ? { stream: false } : {}

    /** An answer as its engine shows it, and what is rendered of it; undefined where it is not shown. */
    const bothOf = async (body: Body, more: Partial<EngineRequest> = {}) => {
      const request = { endpoint: endpointOf(body), ...more }
      const { run, text } = await ask(subject.engine, subject.model, body, request)
      const shown = run?.evidence?.()?.transcript
      if (shown === undefined) return undefined
      const output = shown.positions.map(({ id }) => id)
      const { continues = false } = more
      const rendering = await rendered(orderOf(body, { continues, output }))
      const whole = meterAnswer(request.endpoint, encodeUtf8(text))
      const said = more.stream === false ? (whole?.text ?? '') : contentOf(text)
      return { prompt: shown.prompt, said, output, rendering }
    }
    const both = async (body: Body, more: Partial<EngineRequest> = {}) => {
      const answer = await bothOf(body, more)
      if (answer === undefined) throw new Error('no evidence')
      return answer
    }

    it.each<Case>([
      ['a question', { messages: [user('What is Infernet?')] }],
      ['a question, at random', { messages: [user('Who?')], ...WILD }],
      ['nothing but a beginning', { prompt: 'q', ...WILD }],
      ...(leavesUnclear ? [] : [NO_BEGINNING]),
      ['ids', { prompt: [5, 6, 7], temperature: 1 }],
      ['other languages', { messages: [user('你好 😀 é\n\n  x')], ...WILD }],
      ['special tokens in a text', { prompt: '<|im_end|></s><s>[INST]', temperature: 1 }],
      [
        'a conversation',
        {
          messages: [
            { role: 'system', content: 'Be brief.' },
            user('What?'),
            { role: 'assistant', content: 'A network.' },
            user('Who?'),
          ],
        },
      ],
    ])('as it reads and says them itself: %s', async (_, body) => {
      let compared = 0
      for (let seed = 1; seed <= (leavesUnclear ? 20 : 3); seed++) {
        const answer = await bothOf(body, { seed })
        if (answer === undefined && leavesUnclear) continue
        const { prompt, said, rendering } = answer ?? (await both(body, { seed }))
        const isLeftOut = leavesUnclear && rendering.text === null
        expect(rendering).toEqual({ prompt, text: isLeftOut ? null : said })
        if (!isLeftOut) compared++
        if (compared === 3) break
      }
      expect(compared).toBeGreaterThanOrEqual(leavesUnclear ? 1 : 3)
    })

    it('the same prompt whatever the answer is, of which an edge may know nothing', async () => {
      const body = { messages: [user('What is Infernet?')] }
      const { prompt } = await rendered(orderOf(body, { output: [0] }))
      expect((await both({ ...body, ...WITH_ENDING })).prompt).toEqual(prompt)
    })

    it('as it goes on with an answer that another began', async () => {
      const messages = [user('What is Infernet?'), { role: 'assistant', content: 'Infernet \n ' }]
      const chat = await both({ messages }, { continues: true })
      expect(chat.rendering).toEqual({ prompt: chat.prompt, text: chat.said })
      const more = await both({ prompt: 'Infernet is  ' }, { continues: true })
      expect(more.rendering).toEqual({ prompt: more.prompt, text: more.said })
      if (alwaysGoesOn) return
      const fresh = await rendered(orderOf({ messages }, { output: chat.output }))
      expect(fresh.prompt).not.toEqual(chat.prompt)
    })

    it('with the stop sequence that ended it, which its client does not see', async () => {
      const question = { messages: [user(subject.longQuestion)] }
      const { said } = await both(question)
      const stop = said.slice(10, 14)
      const ended = await bothOf({ ...question, stop })
      // Some servers tell nothing of the tokens of a stop sequence.
      if (ended === undefined && leavesUnclear) return
      const { prompt, said: cut, rendering } = ended ?? (await both({ ...question, stop }))
      expect(cut).toBe(said.slice(0, said.indexOf(stop)))
      expect(rendering.prompt).toEqual(prompt)
      expect(rendering.text?.startsWith(cut + stop)).toBe(true)
    })

    it('up to the token that ended it, whatever stands behind', async () => {
      const question = { messages: [user(subject.longQuestion)] }
      const more = { max_output_tokens: 500, ...WITH_ENDING }
      const { output, said, rendering } = await both(question, more)
      expect(rendering.text).toBe(said)
      const padded = await rendered(orderOf(question, { output: [...output, ...output] }))
      expect(padded).toEqual(leavesUnclear ? { ...rendering, text: null } : rendering)
      const [ending] = output.slice(-1)
      expect(await rendered(orderOf(question, { output: [ending ?? 0] }))).toMatchObject({
        text: '',
      })
    })

    it('and tells one prompt from another', async () => {
      const { prompt } = await rendered(orderOf({ messages: [user('Who are you?')] }))
      for (const messages of [
        [user('Who are you')],
        [user(' Who are you?')],
        [{ role: 'system', content: 'x' }, user('Who are you?')],
        [{ role: 'assistant', content: 'Who are you?' }],
      ]) {
        expect((await rendered(orderOf({ messages }))).prompt).not.toEqual(prompt)
      }
    })

    it('and says what is wrong with an order', async () => {
      const body = { messages: [user('Who?')] }
      const refused = (order: Partial<RenderOrder>, code: string) =>
        expect(rendered(orderOf(body, order))).rejects.toMatchObject({ name: 'ScoreError', code })
      await refused({ model: 'no-such-model' }, 'unknown_model')
      if (!takesAnyToken) {
        await refused({ output: [1_000_000] }, 'bad_tokens')
        await refused({ output: [4_294_967_295] }, 'bad_tokens')
      }
      await refused({ endpoint: 'embeddings' }, 'bad_request')
      await refused({ body: Buffer.from('{') }, 'bad_request')
      await refused({ body: Buffer.from('{"messages":[]}') }, 'bad_request')
      await refused({ continues: true }, 'bad_request')
      expect((await rendered(orderOf(body))).prompt.length).toBeGreaterThan(0)
    })

    it('side by side with jobs', async () => {
      const bodies = ['What is Infernet?', 'Who?', 'Why?'].map((text) => ({
        messages: [user(text)],
      }))
      const alone = await Promise.all(bodies.map((body) => rendered(orderOf(body))))
      const [, ...again] = await Promise.all([
        ask(subject.engine, subject.model, bodies[0]!),
        ...bodies.map((body) => rendered(orderOf(body))),
      ])
      expect(again).toEqual(alone)
    })

    it('but none once it is told to stop, or closed', async () => {
      const order = orderOf({ messages: [user('Who?')] })
      const aborted = { code: 'aborted' }
      await expect(rendered(order, AbortSignal.abort())).rejects.toMatchObject(aborted)
      const other = await make()
      await other.engine.close()
      await expect(rendered(order, never, other)).rejects.toMatchObject({ name: 'ScoreError' })
    })
  })
}
