import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Service } from './processes.ts'
import { SlowEngine } from './slow-engine.ts'
import { HOSTS, Stack, until } from './stack.ts'

const AGENT = resolve(import.meta.dirname, '../../provider-agent/src/cli/main.ts')
/** Of a self-test: so long after the last one the edge gives another. */
const PACE_MS = 10_000
/** Where earnings may go without anybody being asked. */
const NODE = 'keysend:0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798'

interface Finding {
  readonly id: string
  readonly outcome: string
  readonly said: string
  readonly fix?: string
}

/** The owner's command, as a process of its own. */
async function agentCommand(args: readonly string[]): Promise<{ code: number; out: string }> {
  const done = Promise.withResolvers<{ code: number; out: string }>()
  execFile(process.execPath, [AGENT, ...args], { timeout: 120_000 }, (error, out) =>
    done.resolve({
      code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1,
      out,
    }),
  )
  return done.promise
}

/** The real doctor beside a real agent, at a real edge. */
describe.each(HOSTS)('infernet-agent doctor on the %s host', (kind) => {
  let stack: Stack
  let slow: SlowEngine
  let agent: Service
  beforeAll(async () => {
    stack = await Stack.start(kind, kind === 'node' ? 18_920 : 18_930, { idleMs: 2_000 })
    slow = await SlowEngine.start()
    agent = await stack.startAgent('llama', 'infernet-demo', ['--engine', 'llama-cpp'])
    await stack.startAgent('slow', 'slow', ['--engine-url', slow.url])
  })
  afterAll(async () => {
    await stack?.stop()
    await slow?.stop()
  })

  async function doctor(name: string, engine: readonly string[]) {
    const options = ['--edge', stack.url, '--data', stack.file(name), '--payout', NODE, ...engine]
    const { code, out } = await agentCommand(['doctor', '--json', ...options])
    const { ok, checks } = JSON.parse(out) as { ok: boolean; checks: readonly Finding[] }
    return { code, ok, of: (id: string) => checks.find((check) => check.id === id) }
  }

  it('has a job go all the way through edge, engine and back, and costs nobody anything', async () => {
    const { code, ok, of } = await doctor('llama', ['--engine', 'llama-cpp'])
    expect(of('job')).toMatchObject({
      outcome: 'ok',
      said: expect.stringMatching(
        /^infernet-demo: matched \d+ ms, dispatched \d+ ms, first token \d+ ms, end \d+ ms, receipt accepted \d+ ms \([1-8] tokens, unpaid\)$/,
      ) as string,
    })
    expect({ code, ok }).toEqual({ code: 0, ok: true })
    const at = ['--edge', stack.url, '--data', stack.file('llama')]
    const earned = await agentCommand(['earnings', '--json', ...at])
    expect(JSON.parse(earned.out)).toMatchObject({ jobs: 0, pending_msat: '0' })
  })

  it('says which stage is not reached while the engine hangs, and what to do', async () => {
    slow.pace = { tokens: 5, gapMs: 1, hang: true }
    // An engine of the agent's own is left to it, and not waited for.
    const { code, of } = await doctor('slow', ['--engine', 'tiny'])
    expect(code).toBe(11)
    expect(of('job')).toMatchObject({
      outcome: 'failed',
      said: expect.stringMatching(
        /^slow: matched \d+ ms, dispatched \d+ ms; no first token: /,
      ) as string,
      fix: expect.stringContaining('infernet-agent logs') as string,
    })
  })

  it('says it too when the engine is stopped, with the command that helps', async () => {
    const url = slow.url
    await slow.stop()
    await new Promise((after) => setTimeout(after, PACE_MS))
    const { code, of } = await doctor('slow', ['--engine-url', url])
    expect(code).toBe(11)
    expect(of('engine')).toMatchObject({
      outcome: 'failed',
      fix: 'start the server, or name another with --engine-url',
    })
    expect(of('job')).toMatchObject({
      outcome: 'failed',
      said: expect.stringMatching(/no first token|not matched/) as string,
      fix: expect.stringContaining('infernet-agent') as string,
    })
  })

  it('says how to start an agent that is not there', async () => {
    await agent.kill()
    await until('the edge has seen it go', async () => {
      const { of } = await doctor('llama', ['--engine', 'llama-cpp'])
      return of('job')?.said.includes('infernet-agent run --edge') === true
    })
  })
})
