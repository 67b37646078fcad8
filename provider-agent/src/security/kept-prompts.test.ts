import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { OpenAiHttpEngine } from '../engines/openai-http/openai-http.ts'
import { FakeEngine } from '../testing/fake-engine.ts'
import { threatenedAgent } from './threatened-agent.ts'

const MODEL = 'big-model'
const SECRET = 'my-diagnosis-is-0123456789'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())

describe('what a client has asked and got', () => {
  it('is in no file and no line of the log, not where the engine quotes it either', async () => {
    const server = new FakeEngine()
    await server.start()
    const engine = new OpenAiHttpEngine({ url: server.url, models: [] })
    const { edge, events, folder, close } = await threatenedAgent(engine)
    closing.push(() => server.close(), close)
    const session = await edge.session()
    const body = { messages: [{ role: 'user', content: SECRET }] }
    session.give(1, body, { model: MODEL })
    const { text } = await session.answer(1)
    server.fault = { status: 400, body: { error: { message: `bad input: ${SECRET}` } } }
    session.give(2, body, { model: MODEL })
    expect((await session.answer(2)).error?.message).toContain(SECRET)
    const isStored = () => filesIn(folder).some((path) => path.endsWith('.batch'))
    await expect.poll(isStored, { timeout: 20_000 }).toBe(true)
    expect(text).toContain('w0 ')
    const kept = [JSON.stringify(events), ...filesIn(folder).map(unpacked)].join('\n')
    expect(kept).toContain(MODEL)
    for (const said of [SECRET, '"w0 "', 'w0 w1']) expect(kept).not.toContain(said)
  })
})

/** A file's text, with what is written in base64 in it as text, too. */
function unpacked(path: string): string {
  const text = readFileSync(path, 'latin1')
  const packed = text.match(/[A-Za-z0-9_-]{40,}/g) ?? []
  return [text, ...packed.map((word) => Buffer.from(word, 'base64url').toString('latin1'))].join(
    '\n',
  )
}
