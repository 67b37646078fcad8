import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { demoModel } from '../engines/model-file.ts'
import { EXIT } from '../exit-codes.ts'
import { FakeEdge } from '../testing/fake-edge.ts'
import { isBuilt, llamaServerBinary } from '../testing/llama-server.ts'

const MAIN = join(import.meta.dirname, 'main.ts')
const newDirectory = () => mkdtempSync(join(tmpdir(), 'infernet-'))

const children: ChildProcess[] = []
const edges: FakeEdge[] = []
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  for (const edge of edges.splice(0)) await edge.close()
})

let last = 0
async function start(more: readonly string[] = [], file = demoModel().path) {
  const edge = new FakeEdge()
  edges.push(edge)
  await edge.start()
  const id = `run-${process.pid}-${++last}`
  const managed = ['--manage', 'llama-server', '--engine-program', llamaServerBinary().path]
  const model = ['--model', `${id}=${file}`, '--threads', '1']
  const where = ['--edge', edge.url, '--data', newDirectory(), '--json']
  const child = spawn(process.execPath, [MAIN, 'run', ...where, ...managed, ...model, ...more])
  children.push(child)
  const output = { out: '', err: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.err += text))
  return {
    edge,
    id,
    child,
    exited: once(child, 'close').then(() => ({ code: child.exitCode, ...output })),
  }
}

/** How many processes of servers have `word` in their command line. */
const serversWith = (word: string): number =>
  readdirSync('/proc').filter((pid) => {
    try {
      const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      return args.includes(word) && args.includes('--jinja')
    } catch {
      return false
    }
  }).length

describe.skipIf(!isBuilt(llamaServerBinary()))(
  'infernet-agent run --manage llama-server (needs it: node scripts/bootstrap.mjs llama-server)',
  () => {
    it('serves jobs, and takes its server with it when it is stopped', async () => {
      const { edge, id, child, exited } = await start()
      const session = await edge.session()
      const messages = [{ role: 'user', content: 'What is Infernet?' }]
      session.give(1, { model: id, messages }, { model: id })
      expect((await session.answer(1)).end?.finish_reason).toBe('stop')
      expect(session.capability).toMatchObject({ engine: 'llama-server', models: [{ id }] })
      expect(serversWith(id)).toBeGreaterThan(0)
      child.kill('SIGTERM')
      const { code, out } = await exited
      expect(code).toBe(EXIT.ok)
      expect(serversWith(id)).toBe(0)
      const events = out
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { event: string }).event)
      expect(events).toEqual(expect.arrayContaining(['engine_program', 'engine_up', 'job_done']))
    })

    it('leaves no server when it is killed itself', async () => {
      const { edge, id, child, exited } = await start()
      await edge.session()
      expect(serversWith(id)).toBeGreaterThan(0)
      child.kill('SIGKILL')
      await exited
      while (serversWith(id) > 0) await sleep(10)
    })

    it('ends with code 3 and one helpful line for a file that is no model', async () => {
      const { exited } = await start([], MAIN)
      const { code, err } = await exited
      expect(code).toBe(EXIT.engine)
      expect(err).toMatch(/^.*\n$/)
      expect(JSON.parse(err)).toEqual({
        error: {
          message: expect.stringMatching(/main\.ts is not a model that can be loaded: /),
          exit_code: EXIT.engine,
        },
      })
    })

    it('takes no --engine-url beside it', async () => {
      const { exited } = await start(['--engine-url', 'http://127.0.0.1:1'])
      expect(await exited).toMatchObject({
        code: EXIT.usage,
        err: expect.stringContaining('--manage'),
      })
    })
  },
)
