import { decodeTranscript, encodeTranscript } from '@infernet/schemas/transcript'
import { claimedAnswer } from '@infernet/verification/replay/claimed-answer'
import { replayExcess } from '@infernet/verification/replay/replay'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, type ConformanceSubject } from './engine-conformance.ts'
import type { Evidence } from './engine.ts'

/** What rounding to four bytes, and an engine's own float32 sums, may move a token by, in nats. */
const ROUNDING_NATS = 1e-3

/** The beginning of anything, gone on with at random. */
const WILD = { prompt: 'q', temperature: 2, top_k: 20, top_p: 1, min_p: 0 }

const say = (content: string) => [{ role: 'user', content }]

const idsOf = ({ positions }: Evidence['transcript']): number[] => positions.map(({ id }) => id)

/**
 * By how much the least likely draw is off, in nats, of those that can be judged: where an engine lists its
 * likeliest only, the others decide now and then. NaN where that is most of them.
 */
function worst(evidence: Evidence): number {
  const excess = [...replayExcess(claimedAnswer(evidence, evidence.transcript))]
  const judged = excess.filter((nats) => !Number.isNaN(nats))
  return 2 * judged.length < excess.length ? Number.NaN : Math.max(...judged)
}

/** How an engine differs from the embedded ones. */
export interface EvidenceTraits {
  /** The token that ends an answer: whether it is shown, and whether the usage counts it. */
  readonly ending?: 'shown' | 'counted' | 'shown and counted'
  /** No seed is its word for "any". */
  readonly takesEverySeed?: boolean
}

/** What the evidence of an engine must be that has any: enough to draw every token again. */
export function evidenceConformance(
  name: string,
  make: () => Promise<ConformanceSubject>,
  { ending = 'shown', takesEverySeed = false }: EvidenceTraits = {},
): void {
  describe(`${name} shows how it answered`, () => {
    let subject: ConformanceSubject
    beforeAll(async () => {
      subject = await make()
    })
    afterAll(async () => {
      await subject.engine.close()
      await subject.dispose?.()
    })

    const answered = async (body: Record<string, unknown>, seed = 7) => {
      const { engine, model, longQuestion } = subject
      const endpoint = 'prompt' in body ? 'completions' : 'chat.completions'
      const question = 'prompt' in body ? {} : { messages: say(longQuestion) }
      const { error, run } = await ask(engine, model, { ...question, ...body }, { seed, endpoint })
      expect(error).toBeUndefined()
      return { evidence: run?.evidence?.(), usage: run?.usage() }
    }
    const shown = async (body: Record<string, unknown>, seed?: number) => {
      const { evidence, usage } = await answered(body, seed)
      if (evidence === undefined) throw new Error('no evidence')
      // As it comes out of the wire.
      const transcript = decodeTranscript(encodeTranscript(evidence.transcript))
      return { ...evidence, transcript, usage }
    }
    it.each([
      { temperature: 0 },
      { temperature: 0.2 },
      { temperature: 0.8 },
      { temperature: 1.5, top_k: 10 },
      { temperature: 1, top_p: 0.5, min_p: 0 },
      { temperature: 1.2, top_k: 100, top_p: 1, min_p: 0.001 },
    ])('so that every token can be drawn again: %o', async (sampling) => {
      for (const seed of [1, 2, 3_000_000_000]) {
        const { usage, ...evidence } = await shown(sampling, seed)
        expect(worst(evidence)).toBeLessThan(ROUNDING_NATS)
        expect(evidence.sampler).toMatchObject({ ...sampling, seed: String(seed) })
        expect(evidence.transcript.prompt).toHaveLength(usage?.prompt_tokens ?? 0)
      }
    })

    it('which no other seed explains', async () => {
      const { usage: _, ...evidence } = await shown(WILD)
      const forged = { ...evidence, sampler: { ...evidence.sampler, seed: '8' } }
      expect(worst(evidence)).toBeLessThan(ROUNDING_NATS)
      expect(worst(forged)).toBeGreaterThan(0.1)
    })

    it('with the seed of the client before that of the gateway', async () => {
      const own = await shown({ ...WILD, seed: 99 }, 1)
      expect(own.sampler.seed).toBe('99')
      const again = await shown({ ...WILD, seed: 99 }, 2)
      expect(idsOf(again.transcript)).toEqual(idsOf(own.transcript))
      expect(idsOf((await shown(WILD)).transcript)).not.toEqual(idsOf(own.transcript))
    })

    it('up to the token that ended it, if one did', async () => {
      const cut = await shown({ max_tokens: 5 })
      expect(cut.transcript.positions).toHaveLength(5)
      const { transcript, usage } = await shown({})
      const more = { shown: 1, counted: -1, 'shown and counted': 0 }[ending]
      expect(transcript.positions).toHaveLength((usage?.completion_tokens ?? 0) + more)
      for (const { logprob, top } of transcript.positions) {
        const likeliest = top.map((candidate) => candidate.logprob)
        expect(likeliest).toEqual(likeliest.toSorted((a, b) => b - a))
        expect(logprob).toBeLessThanOrEqual(likeliest[0] ?? Number.NaN)
      }
    })

    it('except where what was said before, or a bias, changes what is drawn', async () => {
      for (const body of [
        { frequency_penalty: 0.5 },
        { presence_penalty: 0.5 },
        { logit_bias: { 5: 1 } },
        ...(takesEverySeed ? [] : [{ seed: 2 ** 32 - 1 }]),
      ]) {
        const { evidence } = await answered({ temperature: 1, ...body })
        // There may be something to say about its probabilities.
        expect(evidence?.replay ?? 'none').toBe('none')
      }
    })

    it('about a model that it names exactly', () => {
      const [offer] = subject.engine.models
      expect(offer?.spec).toMatchObject({ weights: expect.stringMatching(/^[0-9a-f]{64}$/) })
    })
  })
}
