import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startChild } from './child.ts'

describe('startChild', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'infernet-child-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  const run = (program: string, onLine?: (line: string) => void) =>
    startChild({
      name: 'edge',
      args: ['-e', program],
      cwd: folder,
      logPath: join(folder, 'edge.log'),
      ...(onLine && { onLine }),
    })

  it('tells when it is ready, passes its other lines on, and logs them all', async () => {
    const lines: string[] = []
    const child = run(
      `console.log('one'); console.log('{"ready":true,"url":"http://x"}'); console.log('two')`,
      (line) => lines.push(line),
    )
    expect(await child.ready).toEqual({ ready: true, url: 'http://x' })
    expect(await child.ended).toBe('exit code 0')
    await child.stop()
    expect(lines).toEqual(['one', 'two'])
    expect(await readFile(child.logPath, 'utf8')).toBe(
      'one\n{"ready":true,"url":"http://x"}\ntwo\n',
    )
  })

  it('tells how it died and what it said last, on either stream', async () => {
    const child = run(`for (let n = 1; n < 30; n++) console.error('line', n); process.exit(3)`)
    expect(await child.ended).toBe('exit code 3')
    expect(child.lastLines()).toEqual(Array.from({ length: 20 }, (_, n) => `line ${n + 10}`))
    await child.stop()
  })

  it('stops it with SIGTERM, and kills one that will not go', async () => {
    const polite = run(`setInterval(() => {}, 1000)`)
    await polite.stop()
    expect(await polite.ended).toBe('SIGTERM')

    const stubborn = run(
      `process.on('SIGTERM', () => {}); console.log('{"ready":true}'); setInterval(() => {}, 1000)`,
    )
    await stubborn.ready
    await stubborn.stop(50)
    expect(await stubborn.ended).toBe('SIGKILL')
  })
})
