import { describe, expect, it } from 'vitest'
import { commandRunner } from './command-runner.ts'

const node = (script: string, bounds = {}) =>
  commandRunner(bounds)(process.execPath, ['-e', script])

describe('a command runner', () => {
  it('gives what was written, and the exit code', async () => {
    const script = 'console.log(process.env.LC_ALL); console.error("oh"); process.exitCode = 9'
    expect(await node(script)).toEqual({ code: 9, stdout: 'C\n', stderr: 'oh\n' })
  })

  it('gives arguments as they are: no shell reads them', async () => {
    const args = ['-e', 'console.log(process.argv.at(-1))', '$(touch x); `y`']
    const { stdout } = await commandRunner()(process.execPath, args)
    expect(stdout).toBe('$(touch x); `y`\n')
  })

  it('has no code for a program that is not there', async () => {
    const missing = await commandRunner()('no-such-program-of-ours', [])
    expect(missing).toEqual({ code: undefined, stdout: '', stderr: '' })
  })

  it('ends a program that hangs, with what it has written', async () => {
    const hangs = 'console.log("first"); setInterval(() => {}, 1e6)'
    const { code, stdout, timedOut } = await node(hangs, { timeoutMs: 1_000 })
    expect([code, timedOut]).toEqual([undefined, true])
    expect(['first\n', '']).toContain(stdout)
  })

  it('ends a program that does not stop writing', async () => {
    const writes = 'for (;;) require("fs").writeSync(1, "x".repeat(1024))'
    const { code, stdout, timedOut } = await node(writes, { maxBytes: 10_000 })
    expect([code, timedOut]).toEqual([undefined, undefined])
    expect(stdout.length).toBeLessThanOrEqual(10_000)
  })

  it('ends what runs when it is told to', async () => {
    const controller = new AbortController()
    const ended = node('setInterval(() => {}, 1e6)', { signal: controller.signal })
    controller.abort()
    expect((await ended).code).toBeUndefined()
  })
})
