import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, readlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ask } from '../engines/engine-conformance.ts'
import { demoModel } from '../engines/model-file.ts'
import { ManagedEngine } from '../engines/managed/managed.ts'
import type { EngineProcessEvent } from '../events.ts'
import { canStartDocker, DockerDaemon } from '../testing/docker-daemon.ts'
import { FakeEdge } from '../testing/fake-edge.ts'
import { isBuilt, llamaServerBinary } from '../testing/llama-server.ts'
import { processesWith, type Running } from '../testing/processes.ts'
import type { SandboxChoice, SandboxRuntime } from './driver.ts'
import { EngineSandbox, type EngineSandboxOptions } from './engine-sandbox.ts'
import { findTool } from './find-tool.ts'

const has = (...names: string[]): boolean => names.every((name) => findTool(name) !== undefined)
const cleaning: (() => unknown)[] = []
afterEach(async () => {
  for (const clean of cleaning.splice(0)) await clean()
})

const question = { messages: [{ role: 'user', content: 'What is Infernet?' }] }
const MAIN = join(import.meta.dirname, '../cli/main.ts')
let last = 0

function managed(sandbox: Partial<EngineSandboxOptions> = {}, model = demoModel().path) {
  const id = `sandboxed-${process.pid}-${++last}`
  const engine = new ManagedEngine({
    kind: 'llama-server',
    program: llamaServerBinary().path,
    models: [{ id, path: model }],
    slots: 1,
    threads: 1,
    gpu: true,
    extra: [],
    checksMemory: true,
    sandbox: { choice: 'bwrap', reads: [], hidden: [], ...sandbox },
  })
  cleaning.push(() => engine.close())
  const told: EngineProcessEvent[] = []
  const process_ = (event: EngineProcessEvent) => void told.push(event)
  const start = () =>
    engine.start({ modelsChanged: () => {}, trouble: () => {}, process: process_ })
  return { engine, id, start, told }
}

/** The server itself, and not what has started it. */
const serverOf = (id: string): Running | undefined =>
  processesWith(id).find(({ args }) => args[0]?.endsWith('/llama-server'))

const statusOf = (pid: number, name: string): string | undefined =>
  new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]

function describeEngine(choice: SandboxChoice, runtime?: SandboxRuntime): void {
  it('answers over its socket, without network or rights, and leaves nothing', async () => {
    const { engine, id, start, told } = managed({ choice, runtime })
    await start()
    expect(told).toContainEqual(expect.objectContaining({ event: 'engine_sandbox', gaps: [] }))
    const { error, text } = await ask(engine, id, question)
    expect(error).toBeUndefined()
    expect(text).toContain(`"model":"${id}"`)
    const { pid } = serverOf(id)!
    expect(readFileSync(`/proc/${pid}/net/dev`, 'utf8').match(/^ *\w+:/gm)).toEqual(['    lo:'])
    expect(readlinkSync(`/proc/${pid}/ns/net`)).not.toBe(readlinkSync('/proc/self/ns/net'))
    expect(statusOf(pid, 'CapEff')).toBe('0000000000000000')
    expect(statusOf(pid, 'Seccomp')).toBe('2')
    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8')
    expect(environment).not.toContain('VITEST')
    const key = /LLAMA_API_KEY=([0-9a-f]{64})/.exec(environment)?.[1] ?? 'no key'
    expect(environment).toContain(key)
    expect(processesWith(key)).toEqual([])
    await engine.close()
    expect(processesWith(id)).toEqual([])
  })

  it('is started again when it was killed', async () => {
    const { engine, id, start, told } = managed({ choice, runtime })
    await start()
    process.kill(serverOf(id)!.pid, 'SIGKILL')
    while (told.filter(({ event }) => event === 'engine_up').length < 2) await sleep(20)
    while (engine.models.length === 0) await sleep(20)
    expect((await ask(engine, id, question)).error).toBeUndefined()
  })

  it('is gone when the agent was killed', async () => {
    const edge = new FakeEdge()
    cleaning.push(() => edge.close())
    await edge.start()
    const id = `sandboxed-${process.pid}-${++last}`
    const data = mkdtempSync(join(tmpdir(), 'infernet-'))
    const where = ['--edge', edge.url, '--data', data, '--sandbox', choice]
    const model = ['--model', `${id}=${demoModel().path}`, '--threads', '1']
    const run = ['--manage', 'llama-server', '--engine-program', llamaServerBinary().path]
    const more = runtime === undefined ? [] : ['--sandbox-runtime', runtime]
    const agent = spawn(process.execPath, [MAIN, 'run', ...where, ...run, ...model, ...more])
    cleaning.push(() => agent.kill('SIGKILL'))
    const session = await edge.session()
    session.give(1, { model: id, ...question }, { model: id })
    expect((await session.answer(1)).end?.finish_reason).toBe('stop')
    expect(serverOf(id)).toBeDefined()
    agent.kill('SIGKILL')
    await once(agent, 'exit')
    while (processesWith(id).length > 0) await sleep(20)
  })
}

const isReady = isBuilt(llamaServerBinary())

describe.skipIf(!isReady || !has('bwrap'))(
  'a real llama-server in bwrap (needs both: apt-get install bubblewrap, node scripts/bootstrap.mjs llama-server)',
  () => {
    describeEngine('bwrap')

    it('does not start in a sandbox that is not here', async () => {
      const { start } = managed({ choice: 'podman', runtime: 'nothing' as SandboxRuntime })
      await expect(start()).rejects.toThrow(/^no sandbox: .*; try: /)
    })

    it.skipIf(process.getuid?.() !== 0)(
      'says which file root alone can read (needs root)',
      async () => {
        const path = join(mkdtempSync(join(tmpdir(), 'infernet-')), 'm.gguf')
        copyFileSync(demoModel().path, path)
        chmodSync(path, 0o600)
        await expect(managed({}, path).start()).rejects.toThrow(
          /m\.gguf can be read by root only.*chmod/,
        )
      },
    )

    it('does not start where its program has gone', async () => {
      const options: EngineSandboxOptions = { choice: 'bwrap', reads: [], hidden: [] }
      const sandbox = await EngineSandbox.open(options, new AbortController().signal)
      cleaning.push(() => sandbox.close())
      const gone = { file: '/nowhere/llama-server', args: [], env: {} }
      const needs = { model: demoModel().path, socket: '/nowhere/it.sock', gpu: false }
      expect(() => sandbox.confine(gone, { ...needs, memoryBytes: undefined })).toThrow(
        expect.objectContaining({ name: 'EngineStartError' }),
      )
    })

    it('does not start where it would see the agent’s files', async () => {
      const hidden = [llamaServerBinary().path]
      await expect(managed({ hidden }).start()).rejects.toThrow(
        /it was not started: no sandbox: .*folders of their own/,
      )
    })
  },
)

describe.skipIf(!isReady || !has('podman', 'runc'))(
  'a real llama-server in podman+runc (needs them: apt-get install podman runc, node scripts/bootstrap.mjs llama-server)',
  () => {
    describeEngine('podman', 'runc')
  },
)

describe.skipIf(!isReady || !has('podman', 'runsc'))(
  'a real llama-server in podman+runsc (needs them: apt-get install podman runsc, node scripts/bootstrap.mjs llama-server)',
  () => {
    // From here only what has started it can be seen: its processes are those of a kernel of its own.
    it('answers over its socket', async () => {
      const { engine, id, start, told } = managed({ choice: 'podman', runtime: 'runsc' })
      await start()
      expect(processesWith(id)).not.toEqual([])
      const sandbox = { event: 'engine_sandbox', driver: 'podman+runsc' }
      expect(told).toContainEqual(expect.objectContaining(sandbox))
      const { error, text } = await ask(engine, id, question)
      expect(error).toBeUndefined()
      expect(text).toContain(`"model":"${id}"`)
      await engine.close()
      expect(processesWith(id)).toEqual([])
    })
  },
)

describe.skipIf(!isReady || !canStartDocker())(
  'a real llama-server in docker (needs them, and root: apt-get install docker.io runc, node scripts/bootstrap.mjs llama-server)',
  () => {
    let daemon: DockerDaemon
    beforeAll(async () => {
      daemon = await DockerDaemon.start()
    })
    afterAll(() => daemon.stop())
    describeEngine('docker')
  },
)
