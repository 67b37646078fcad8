import type { CapabilityName } from '@infernet/schemas/wire'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, contentOf, eventsOf, type ConformanceSubject } from './engine-conformance.ts'

const say = (content: string) => ({ messages: [{ role: 'user', content }] })

const WEATHER = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'A tool.',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
}
const ASKS_TOOL = { ...say('What is the weather in Paris?'), tools: [WEATHER] }

/** Few texts are of this form, and the demo model says none of them unasked. */
const YES_OR_NO = {
  type: 'object',
  properties: { ok: { type: 'boolean' } },
  required: ['ok'],
  additionalProperties: false,
}
const ASKS_JSON = {
  ...say('What is Infernet?'),
  response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: YES_OR_NO } },
}

interface Scored {
  readonly token: string
  readonly logprob: number
  readonly top_logprobs: readonly unknown[]
}
interface Choice {
  readonly index: number
  readonly finish_reason: string
  readonly message: {
    readonly content: string
    readonly tool_calls?: readonly { readonly function: { readonly arguments: string } }[]
  }
}
interface Event {
  readonly choices: readonly { readonly logprobs?: { readonly content: Scored[] } | null }[]
}

const choicesOf = (text: string): readonly Choice[] =>
  (JSON.parse(text) as { choices: readonly Choice[] }).choices

/**
 * What an engine with the demo model declares beyond answering, and that it does so. Seeds, beginnings that are gone on
 * with, and vectors are in `engineConformance`; what it shows and scores in the suites of their own.
 */
export function capabilityConformance(
  name: string,
  make: () => Promise<ConformanceSubject>,
  declared: readonly CapabilityName[],
): void {
  const can = (capability: CapabilityName): boolean => declared.includes(capability)

  describe(`${name} does what it declares`, () => {
    let subject: ConformanceSubject
    beforeAll(async () => {
      subject = await make()
    })
    afterAll(async () => {
      await subject.engine.close()
      await subject.dispose?.()
    })
    const answer = async (body: Record<string, unknown>, more = {}): Promise<string> => {
      const { engine, model } = subject
      const { error, text } = await ask(engine, model, body, more)
      expect(error).toBeUndefined()
      return text
    }

    it(`which is ${declared.join(', ')}`, () => {
      const { engine, model } = subject
      const offer = engine.models.find(({ id }) => id === model)
      expect(offer?.capabilities.toSorted()).toEqual(declared.toSorted())
    })

    if (can('tools'))
      it('tools: it calls one with arguments', async () => {
        const [choice] = choicesOf(await answer(ASKS_TOOL, { stream: false }))
        expect(choice).toMatchObject({
          finish_reason: 'tool_calls',
          message: { tool_calls: [{ type: 'function', function: { name: 'get_weather' } }] },
        })
        const [call] = choice?.message.tool_calls ?? []
        expect(JSON.parse(call?.function.arguments ?? '')).toEqual({ city: 'Paris' })
        const streamed = await answer(ASKS_TOOL)
        expect(streamed).toContain('"finish_reason":"tool_calls"')
        expect(contentOf(streamed)).not.toContain('tool_call')
      })

    if (can('json_schema'))
      it('json_schema: it says nothing else', async () => {
        const [choice] = choicesOf(await answer(ASKS_JSON, { stream: false }))
        expect(JSON.parse(choice?.message.content ?? '')).toEqual({ ok: expect.any(Boolean) })
        expect(JSON.parse(contentOf(await answer(ASKS_JSON)))).toEqual({ ok: expect.any(Boolean) })
      })

    if (can('logprobs'))
      it('logprobs: of each token, with what else it could be', async () => {
        const body = { ...say(subject.longQuestion), logprobs: true, top_logprobs: 2 }
        const text = await answer(body, { max_output_tokens: 4 })
        const scored = (eventsOf(text) as unknown as readonly Event[])
          .flatMap(({ choices }) => choices)
          .flatMap(({ logprobs }) => logprobs?.content ?? [])
        expect(scored.map(({ token }) => token).join('')).toBe(contentOf(text))
        expect(scored.map(({ top_logprobs }) => top_logprobs.length)).toEqual([2, 2, 2, 2])
        for (const { logprob } of scored) expect(logprob).toBeLessThanOrEqual(0)
      })

    if (can('choices'))
      it('choices: as many as are asked for', async () => {
        const wild = { ...say(subject.longQuestion), n: 3, temperature: 1.5, max_tokens: 8 }
        const choices = choicesOf(await answer(wild, { stream: false }))
        expect(choices.map(({ index }) => index).toSorted()).toEqual([0, 1, 2])
        for (const { message } of choices) expect(message.content).not.toBe('')
      })
  })
}
