import { parseChatRequest } from '@infernet/openai-compat/chat-request'
import { MAX_GATEWAY_SEED } from '@infernet/schemas/limits'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { questions } from './questions.ts'

it('asks what clients ask, within the context and as its seed says', () => {
  const model = { id: 'm', contextLength: 1_024 }
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const [asked, again] = [0, 1].map(() => questions(model, { maxTokens: 128, seed }))
      for (let i = 0; i < 20; i++) {
        const request = asked!.next().value
        expect(again!.next().value).toEqual(request)
        const { body } = parseChatRequest(request.body)
        const chars = body.messages.reduce((sum, it) => sum + String(it.content).length, 0)
        expect(chars).toBeLessThan(1_024 - 128)
        expect(body.temperature).toBeGreaterThanOrEqual(0.6)
        expect(body.temperature).toBeLessThanOrEqual(1.2)
        expect(request).toMatchObject({ model: 'm', max_output_tokens: 128 })
        expect(request.seed).toBeLessThanOrEqual(MAX_GATEWAY_SEED)
      }
    }),
    { numRuns: 20 },
  )
})
