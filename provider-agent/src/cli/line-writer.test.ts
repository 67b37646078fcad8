import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { LineWriter, MAX_WAITING_BYTES } from './line-writer.ts'

describe('the line writer', () => {
  beforeEach(() => vi.useFakeTimers())
  afterEach(() => vi.useRealTimers())
  const make = () => {
    const writes: string[] = []
    return { writes, writer: new LineWriter({ write: (text) => writes.push(text) }) }
  }

  it('writes what came within a moment in one piece, in order', () => {
    const { writes, writer } = make()
    for (const line of ['a\n', 'b\n', 'c\n']) writer.write(line)
    expect(writes).toEqual([])
    vi.advanceTimersByTime(50)
    expect(writes).toEqual(['a\nb\nc\n'])
    vi.advanceTimersByTime(1_000)
    expect(writes).toHaveLength(1)
  })

  it('does not gather more than it should', () => {
    const { writes, writer } = make()
    for (let i = 0; i < 100; i++) writer.write('x'.repeat(1_024))
    expect(writes).toHaveLength(1)
    writer.flush()
    expect(writes.join('')).toHaveLength(102_400)
  })

  it('leaves out what nobody takes, and writes on when somebody does', () => {
    const stream = { writableLength: 0, writes: 0, write: () => stream.writes++ }
    const writer = new LineWriter(stream)
    const writes = (): number => {
      writer.write('line\n')
      writer.flush()
      return stream.writes
    }
    expect(writes()).toBe(1)
    stream.writableLength = MAX_WAITING_BYTES + 1
    expect([writes(), writes()]).toEqual([1, 1])
    stream.writableLength = MAX_WAITING_BYTES
    expect(writes()).toBe(2)
  })

  it('does not fill the memory where its reader does not read', async () => {
    const script = `
      import { LineWriter } from ${JSON.stringify(join(import.meta.dirname, 'line-writer.ts'))}
      const writer = new LineWriter(process.stdout)
      for (let i = 0; i < 200; i++) {
        for (let n = 0; n < 100; n++) writer.write('x'.repeat(1_000) + '\\n')
        await new Promise(setImmediate)
      }
      process.stderr.write(String(process.stdout.writableLength))
      process.kill(process.pid, 'SIGKILL')`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script])
    child.stdout.pause()
    let held = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (held += text))
    await once(child, 'exit')
    expect(Number(held)).toBeGreaterThan(0)
    expect(Number(held)).toBeLessThan(2 * MAX_WAITING_BYTES)
  })

  it.each([
    ['ends', ''],
    ['is told to exit', 'process.exit()'],
    ['crashes', "throw new Error('boom')"],
  ])('loses nothing of a process that %s and flushes on exit', (_how, end) => {
    const path = join(import.meta.dirname, 'line-writer.ts')
    const script = `
      import { LineWriter } from ${JSON.stringify(path)}
      const writer = new LineWriter(process.stdout)
      process.on('exit', () => writer.flush())
      for (let i = 0; i < 50_000; i++) writer.write(i + '\\n')
      ${end}`
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
    })
    expect(stdout.trimEnd().split('\n')).toHaveLength(50_000)
  })
})
