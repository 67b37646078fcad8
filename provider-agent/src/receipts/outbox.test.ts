import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Outbox, OutboxError } from './outbox.ts'

const newPath = () => join(mkdtempSync(join(tmpdir(), 'infernet-')), 'agent', 'outbox')
const payload = (n: number) => Buffer.from(`payload ${n}`)

function payloadsOf(outbox: Outbox): string[] {
  const texts: string[] = []
  for (let one = outbox.next(0); one !== undefined; one = outbox.next(one.id)) {
    texts.push(Buffer.from(one.payload).toString())
  }
  return texts
}

describe('the outbox', () => {
  it('gives batches back oldest first, and remembers them over a restart', () => {
    const path = newPath()
    const first = new Outbox(path, 10)
    first.put(payload(1), ['a', 'b'])
    first.put(payload(2), ['c'])
    const second = new Outbox(path, 10)
    expect(second.size).toBe(2)
    const one = second.next(0)
    expect(one?.leases).toEqual(['a', 'b'])
    expect(Buffer.from(one!.payload).toString()).toBe('payload 1')
    const two = second.next(one!.id)
    expect(two?.leases).toEqual(['c'])
    expect(second.next(two!.id)).toBeUndefined()
    second.remove(one!.id)
    expect([second.size, second.next(0)?.id]).toEqual([1, two!.id])
  })

  it('drops the oldest when full and says how many', () => {
    const outbox = new Outbox(newPath(), 3)
    const dropped = [1, 2, 3, 4, 5].map((n) => outbox.put(payload(n), [`lease ${n}`]))
    expect(dropped).toEqual([0, 0, 0, 1, 1])
    expect(outbox.size).toBe(3)
    expect(Buffer.from(outbox.next(0)!.payload).toString()).toBe('payload 3')
  })

  it('loses nothing to kill -9', async () => {
    const path = newPath()
    const script = `import { Outbox } from ${JSON.stringify(join(import.meta.dirname, 'outbox.ts'))}
      const outbox = new Outbox(${JSON.stringify(path)}, 1e6)
      for (let n = 1; ; n++) {
        outbox.put(Buffer.from('payload ' + n), ['lease ' + n])
        process.stdout.write(n + '\\n')
        if (n % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 1))
      }`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script])
    let told = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      told += text
      if (told.split('\n').length > 200) child.kill('SIGKILL')
    })
    await once(child, 'close')
    expect(child.signalCode).toBe('SIGKILL')
    const promised = Number(told.trim().split('\n').at(-1))
    const outbox = new Outbox(path, 1e6)
    expect(promised).toBeGreaterThan(100)
    expect(outbox.size).toBeGreaterThanOrEqual(promised)
  })

  it('is shared without a batch lost or overwritten', () => {
    const path = newPath()
    const [one, other] = [new Outbox(path, 10), new Outbox(path, 10)]
    one.put(payload(1), ['a'])
    other.put(payload(2), ['b'])
    one.put(payload(3), ['c'])
    const all = new Outbox(path, 10)
    expect(payloadsOf(all)).toEqual(['payload 1', 'payload 2', 'payload 3'])
    all.remove(1)
    expect(payloadsOf(one)).toEqual(['payload 3'])
  })

  it('puts aside what a power cut has torn, wherever it tore it', () => {
    const path = newPath()
    const outbox = new Outbox(path, 10)
    outbox.put(payload(1), ['a', 'b'])
    outbox.put(payload(2), ['c'])
    const file = join(path, readdirSync(path)[0]!)
    const whole = readFileSync(file)
    for (let length = 0; length < whole.length; length++) {
      for (const torn of [whole.subarray(0, length), Buffer.concat([whole], length + 9)]) {
        if (torn.equals(whole)) continue
        writeFileSync(file, torn)
        expect(payloadsOf(new Outbox(path, 10))).toEqual(['payload 2'])
        renameSync(`${file}.torn`, file)
      }
    }
    writeFileSync(file, whole)
    expect(payloadsOf(new Outbox(path, 10))).toEqual(['payload 1', 'payload 2'])
  })

  it('says which folder is none', () => {
    const path = join(mkdtempSync(join(tmpdir(), 'infernet-')), 'outbox')
    writeFileSync(path, 'a file')
    expect(() => new Outbox(path, 3)).toThrow(OutboxError)
    expect(() => new Outbox(path, 3)).toThrow(path)
  })
})
