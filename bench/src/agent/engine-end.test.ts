import { expect, it } from 'vitest'
import { startEngineEnd } from './engine-end.ts'
import { JobBook } from './job-book.ts'

it('hangs up on a request that is too large, and serves on', async () => {
  await using engine = await startEngineEnd(new JobBook())
  const body = 'x'.repeat(64 * 1024 + 1)
  const sent = fetch(`${engine.url}/v1/chat/completions`, { method: 'POST', body })
  await expect(sent).rejects.toThrow('fetch failed')
  expect((await fetch(`${engine.url}/v1/models`)).status).toBe(200)
})
