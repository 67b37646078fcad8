import { newJobId } from '@infernet/schemas/ids'
import type { PeerId } from '@infernet/schemas/peer-id'
import { beforeEach, describe, expect, it } from 'vitest'
import { MAX_UNUSED_PROMPTS, PROMPT_LIFETIME_MS } from '../../canary/canary-limits.ts'
import type { CanaryPrompt, CanaryStore } from '../../canary/canary-port.ts'
import { newName } from './store-rig.ts'

const NOW = Date.UTC(2026, 0, 2)
const FIRST = '12D3KooWfirst' as PeerId
const SECOND = '12D3KooWsecond' as PeerId
const THIRD = '12D3KooWthird' as PeerId

/** What the requests that may become canaries must do, in Postgres and in memory. */
export function testCanaries(open: () => CanaryStore): void {
  describe('canary prompts', () => {
    let store: CanaryStore
    let model: string
    beforeEach(() => {
      store = open()
      model = `model ${newName()}`
    })

    const promptOf = (fields: Partial<CanaryPrompt> = {}): CanaryPrompt => ({
      job: newJobId(NOW),
      endpoint: 'chat.completions',
      model,
      body: JSON.stringify({ messages: [{ role: 'user', content: `é \\u0000 ${newName()}` }] }),
      provider: FIRST,
      at: NOW,
      ...fields,
    })
    const add = async (fields?: Partial<CanaryPrompt>) => {
      const prompt = promptOf(fields)
      await store.add(prompt)
      return prompt
    }
    const claim = (provider: PeerId, now = NOW) =>
      store.claim({ model, provider, canary: newJobId(now), now })
    const all = async (provider: PeerId) => {
      const claimed: CanaryPrompt[] = []
      for (let next = await claim(provider); next !== undefined; next = await claim(provider))
        claimed.push(next)
      return claimed
    }

    it('are asked once, as they were', async () => {
      const prompt = await add({ endpoint: 'completions' })
      expect(await claim(SECOND)).toEqual(prompt)
      expect(await claim(SECOND)).toBeUndefined()
      expect(await claim(THIRD)).toBeUndefined()
    })

    it('are not asked of whom has answered them', async () => {
      const prompt = await add()
      expect(await claim(FIRST)).toBeUndefined()
      expect(await claim(SECOND)).toEqual(prompt)
    })

    it('are of their model', async () => {
      await add({ model: `${model} too` })
      expect(await claim(SECOND)).toBeUndefined()
    })

    it('are given to one of many who ask at once', async () => {
      const prompts = await Promise.all([add({ at: NOW }), add({ at: NOW + 1 })])
      const asked = await Promise.all(Array.from({ length: 8 }, () => claim(SECOND)))
      const claimed = asked.filter((prompt) => prompt !== undefined)
      // Who finds one taken may get none, though another is left.
      const rest = await all(SECOND)
      const jobs = [...claimed, ...rest].map(({ job }) => job)
      expect(jobs.toSorted()).toEqual(prompts.map(({ job }) => job).toSorted())
    })

    it('are taken up once, and of two equal ones the first', async () => {
      const prompt = await add()
      await store.add(prompt)
      await add({ body: prompt.body, provider: SECOND })
      expect(await all(THIRD)).toEqual([prompt])
      await add({ body: prompt.body })
      expect(await claim(THIRD)).toBeUndefined()
    })

    it('are the latest ones', async () => {
      const prompts: CanaryPrompt[] = []
      for (let i = 0; i < MAX_UNUSED_PROMPTS + 3; i++) prompts.push(await add({ at: NOW + i }))
      expect(await all(SECOND)).toEqual(prompts.slice(3).toReversed())
    })

    it('are forgotten after their time, used or not', async () => {
      const old = await add()
      const later = NOW + PROMPT_LIFETIME_MS + 1
      expect(await claim(SECOND, later)).toBeUndefined()
      const same = { body: old.body, at: later, job: newJobId(later) }
      await add(same)
      expect(await claim(SECOND, later)).toBeUndefined()
      await add(same)
      expect(await claim(SECOND, later)).toMatchObject(same)
    })
  })
}
