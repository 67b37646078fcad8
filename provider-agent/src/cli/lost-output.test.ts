import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, openSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FRAME } from '@infernet/schemas/frame'
import { afterEach, describe, expect, it } from 'vitest'
import { EXIT } from '../exit-codes.ts'
import { FakeEdge } from '../testing/fake-edge.ts'

const MAIN = join(import.meta.dirname, 'main.ts')
const FULL = '/dev/full'
const body = { model: 'infernet-demo', messages: [{ role: 'user', content: 'hello' }] }

const children: ChildProcess[] = []
const edges: FakeEdge[] = []
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  for (const edge of edges.splice(0)) await edge.close()
})

function start(args: readonly string[], stdio: StdioOptions) {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio })
  children.push(child)
  let err = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (err += text))
  const exited = once(child, 'close').then(() => ({ code: child.exitCode, err }))
  return { child, exited }
}

/** An agent that is connected. */
async function running(stdio: StdioOptions) {
  const edge = new FakeEdge()
  edges.push(edge)
  await edge.start()
  const data = mkdtempSync(join(tmpdir(), 'infernet-'))
  const args = ['run', '--edge', edge.url, '--engine', 'tiny', '--data', data]
  const agent = start(args, stdio)
  return { ...agent, data, session: await edge.session() }
}

/** Has it answer one job after another, each of which it tells in its log, and drain. */
async function answersAndDrains({ child, exited, session }: Awaited<ReturnType<typeof running>>) {
  for (const channel of [1, 2, 3]) {
    session.give(channel, body)
    expect((await session.answer(channel)).end?.finish_reason).toBe('stop')
    // It comes as late as the log is written: the next job finds an agent that has tried to.
    await session.until(() => session.of(0, FRAME.receipts)[channel - 1], 'receipts')
  }
  child.kill('SIGTERM')
  return exited
}

describe('infernet-agent run', () => {
  it('goes on answering when the reader of its log leaves', async () => {
    const agent = await running('pipe')
    agent.child.stdout?.destroy()
    expect(await answersAndDrains(agent)).toEqual({ code: EXIT.ok, err: '' })
  })

  it.skipIf(!existsSync(FULL))('goes on answering when its log is on a full disk', async () => {
    const agent = await running(['pipe', openSync(FULL, 'w'), 'pipe'])
    expect(await answersAndDrains(agent)).toEqual({ code: EXIT.ok, err: '' })
  })
})

describe('a process that outlives its output', () => {
  it.each(['stdout', 'stderr'] as const)('goes on when nobody reads its %s', async (name) => {
    const path = join(import.meta.dirname, 'lost-output.ts')
    const script = `
      import { outliveOutput } from ${JSON.stringify(path)}
      outliveOutput()
      process.stdin.resume().on('end', () => {
        for (const text of ['one', 'two']) setImmediate(() => process.${name}.write(text))
        setTimeout(() => process.exit(7), 50)
      })`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script])
    children.push(child)
    child[name].destroy()
    child.stdin.end()
    await once(child, 'exit')
    expect(child.exitCode).toBe(7)
  })
})

describe('a command that shows something', () => {
  it('ends quietly when its reader has enough', async () => {
    const { child, exited } = start(['completion', 'bash'], 'pipe')
    child.stdout?.destroy()
    expect(await exited).toEqual({ code: EXIT.ok, err: '' })
  })

  it('ends when nobody watches any more', async () => {
    const { data } = await running('ignore')
    const { child, exited } = start(['status', '--watch', '--json', '--data', data], 'pipe')
    child.stdout?.once('data', () => child.stdout?.destroy())
    expect(await exited).toEqual({ code: EXIT.ok, err: '' })
  })

  it.skipIf(!existsSync(FULL)).each([[['completion', 'bash']], [['version']]])(
    'says that %j did not fit on a full disk',
    async (args) => {
      const { exited } = start(args, ['ignore', openSync(FULL, 'w'), 'pipe'])
      const { code, err } = await exited
      expect(code).toBe(EXIT.failure)
      expect(err).toMatch(/^infernet-agent: cannot write what it shows: ENOSPC.*\n$/)
    },
  )
})
