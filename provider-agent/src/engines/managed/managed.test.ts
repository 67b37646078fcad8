import { spawnSync } from 'node:child_process'
import {
  accessSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  cpSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import type { EngineProcessEvent } from '../../events.ts'
import { LoadDesk } from '../../load/load-desk.ts'
import { isBuilt, llamaServerBinary } from '../../testing/llama-server.ts'
import { ask, RecordingSink, requestOf } from '../engine-conformance.ts'
import { demoModel } from '../model-file.ts'
import { restConformance } from '../rest-conformance.ts'
import type { Confine, EngineCommand } from './engine-command.ts'
import type { ManagedOptions } from './managed-options.ts'
import { ManagedEngine, type ManagedRim } from './managed.ts'
import { SUPERVISOR_LIMITS } from './supervisor.ts'

const MIB = 1024 ** 2
const GIB = 1024 ** 3
const { path } = demoModel()
const question = { messages: [{ role: 'user', content: 'What is Infernet?' }] }
/** The demo model's end of text, so that an answer goes on until its context is full. */
const endless = { ...question, logit_bias: { 1022: -100 } }
const limits = { ...SUPERVISOR_LIMITS, startPollMs: 20, pollMs: 50, deafMs: 3_000 }

const engines: ManagedEngine[] = []
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.close()
})

let last = 0
/** An engine, and what it tells; its model's name is in the command lines of all its processes. */
function make(more: Partial<ManagedOptions> = {}, rim: ManagedRim = {}) {
  const id = `managed-${process.pid}-${++last}`
  const engine = new ManagedEngine(
    {
      kind: 'llama-server',
      program: llamaServerBinary().path,
      models: [{ id, path }],
      slots: 2,
      threads: 1,
      gpu: true,
      extra: [],
      checksMemory: true,
      ...more,
    },
    { limits, random: () => 0, ...rim },
  )
  engines.push(engine)
  const told: EngineProcessEvent[] = []
  const troubles: string[] = []
  const start = () =>
    engine.start({
      modelsChanged: () => {},
      trouble: (message) => void troubles.push(message),
      process: (event) => void told.push(event),
    })
  const ofEvent = <E extends EngineProcessEvent['event']>(name: E) =>
    told.filter((it): it is Extract<EngineProcessEvent, { event: E }> => it.event === name)
  return { engine, id, start, ofEvent, troubles }
}

interface Running {
  readonly pid: number
  readonly args: readonly string[]
}

/** All processes of this machine that have `word` in their command line. */
const processesWith = (word: string): readonly Running[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => ({ pid: Number(pid), args: commandLine(pid).split('\0') }))
    .filter(({ args }) => args.some((arg) => arg.includes(word)))

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

const serverOf = (id: string): Running | undefined =>
  processesWith(id).find(({ args }) => args[0]?.endsWith('/llama-server'))

async function until<T>(find: () => T | undefined | false): Promise<T> {
  for (;;) {
    const found = find()
    if (found !== undefined && found !== false) return found
    await sleep(10)
  }
}

describe.skipIf(!isBuilt(llamaServerBinary()))(
  'a llama-server of our own (needs it: node scripts/bootstrap.mjs llama-server)',
  () => {
    it('starts, answers so that it can be audited, and leaves no process', async () => {
      const { engine, id, start, ofEvent, troubles } = make()
      await start()
      expect(engine.models).toMatchObject([
        { id, contextLength: 1024, spec: { quantization: 'Q8_0', kv: 'f16', backend: 'cpu' } },
      ])
      const { error, run, text } = await ask(engine, id, question)
      expect(error).toBeUndefined()
      expect(text).toContain(`"model":"${id}"`)
      expect(run?.evidence?.()?.replay).toMatch(/^llama/)
      expect(troubles).toEqual([])
      expect(ofEvent('engine_program')).toMatchObject(
        [{ version: /^\d/, path: /llama-server$/ }].map(({ version, path: file }) => ({
          version: expect.stringMatching(version),
          path: expect.stringMatching(file),
        })),
      )
      expect(ofEvent('engine_up')).toMatchObject([{ model: id }])
      expect(processesWith(id).length).toBeGreaterThanOrEqual(2)
      await engine.close()
      expect(processesWith(id)).toEqual([])
    })

    it('tells how full it is', async () => {
      const { engine, start } = make()
      await start()
      expect(engine.slots).toBe(2)
      expect(await until(() => engine.load)).toEqual({ others: 0, waiting: 0, kvUse: 0 })
    })

    it('asks for a key that is in no command line', async () => {
      const { id, start } = make()
      await start()
      const pid = serverOf(id)?.pid
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
      const key = environment.find((it) => it.startsWith('LLAMA_API_KEY='))?.slice(14) ?? ''
      expect(key).toMatch(/^[0-9a-f]{64}$/)
      expect(processesWith(key)).toEqual([])
    })

    it('is killed in the middle of an answer: the job fails over, and it comes back', async () => {
      const { engine, id, start, ofEvent } = make()
      await start()
      const { pid } = serverOf(id)!
      const sink = new RecordingSink()
      engine.begin(requestOf(id, endless, { max_output_tokens: 900 }), sink)
      await sink.begun
      process.kill(pid, 'SIGKILL')
      await sink.settled
      expect(sink.error).toMatchObject({ fault: 'provider', code: 'engine_cut' })
      await until(() => ofEvent('engine_down').length === 1 && engine.models.length === 0)
      expect(ofEvent('engine_down')).toMatchObject([
        { reason: 'was ended by SIGKILL', hint: expect.stringContaining('dmesg'), retry_ms: 500 },
      ])
      await until(() => engine.models.length === 1)
      expect((await ask(engine, id, question)).error).toBeUndefined()
      expect(ofEvent('engine_up')).toHaveLength(2)
    })

    it('runs out of memory: the job fails over, and others are answered again', async () => {
      const { engine, id, start } = make()
      await start()
      const limit = (bytes: string) =>
        spawnSync('prlimit', [`--pid=${serverOf(id)?.pid}`, `--data=${bytes}:unlimited`])
      expect(limit(String(MIB)).status).toBe(0)
      // Longer than what the server has got already and is free in it.
      const long = { messages: [{ role: 'user', content: 'memory '.repeat(MIB / 2) }] }
      expect((await ask(engine, id, long)).error).toMatchObject({ fault: 'provider' })
      limit('unlimited')
      await until(() => engine.models.length === 1)
      // With memory it is only too long.
      expect((await ask(engine, id, long)).error).toMatchObject({ fault: 'request' })
      expect((await ask(engine, id, question)).error).toBeUndefined()
    })

    it('waits longer each time that it cannot be brought back, and says why', async () => {
      const file = newFile()
      cpSync(path, file)
      const id = `managed-${process.pid}-broken`
      const { engine, start, ofEvent } = make({ models: [{ id, path: file }] })
      await start()
      writeFileSync(file, 'hello')
      process.kill(serverOf(id)!.pid, 'SIGKILL')
      await until(() => ofEvent('engine_down').length === 3)
      expect(ofEvent('engine_down').map(({ retry_ms }) => retry_ms)).toEqual([500, 1_000, 2_000])
      expect(ofEvent('engine_down')[2]).toMatchObject({
        reason: 'ended with code 1',
        hint: expect.stringContaining('damaged'),
        lines: expect.arrayContaining([
          expect.stringContaining('exiting due to model loading error'),
        ]),
      })
      cpSync(path, file)
      await until(() => engine.models.length === 1)
    })

    it('is started again where it has left a folder in the place of its socket', async () => {
      let socket = ''
      const confine: Confine = (command, needs) => {
        socket = needs.socket
        return command
      }
      const { id, start, ofEvent } = make({}, { confine })
      await start()
      rmSync(socket)
      mkdirSync(join(socket, 'more'), { recursive: true })
      process.kill(serverOf(id)!.pid, 'SIGKILL')
      await until(() => ofEvent('engine_up').length === 2)
    })

    it('is started again as soon as the system lets it be confined', async () => {
      let starts = 0
      const confine: Confine = (command) => {
        if (++starts === 2) accessSync('/nowhere')
        return command
      }
      const { id, start, ofEvent } = make({}, { confine })
      await start()
      process.kill(serverOf(id)!.pid, 'SIGKILL')
      await until(() => ofEvent('engine_up').length === 2)
      expect(ofEvent('engine_down')[1]?.reason).toMatch(/^was not started: ENOENT/)
    })

    it('hangs: it is killed and started again', async () => {
      const { engine, id, start, ofEvent } = make()
      await start()
      const before = serverOf(id)!.pid
      process.kill(before, 'SIGSTOP')
      await until(() => ofEvent('engine_up').length === 2 && engine.models.length === 1)
      expect(ofEvent('engine_down')[0]?.reason).toMatch(
        /^has not answered for \d+ s, and was killed$/,
      )
      expect(serverOf(id)?.pid).not.toBe(before)
      expect((await ask(engine, id, question)).error).toBeUndefined()
    })

    it('lets an answer wait in silence: it is killed and started again', async () => {
      const { engine, id, start, ofEvent } = make(
        {},
        { limits: { ...limits, silentMs: 1_000, deafMs: 60_000 } },
      )
      await start()
      const sink = new RecordingSink()
      process.kill(serverOf(id)!.pid, 'SIGSTOP')
      engine.begin(requestOf(id, endless), sink)
      await sink.settled
      expect(sink.error).toMatchObject({ fault: 'provider' })
      await until(() => ofEvent('engine_up').length === 2)
      expect(ofEvent('engine_down')[0]?.reason).toMatch(/let an answer wait/)
    })

    it('is stopped while it hangs, all the same', async () => {
      const { engine, id, start } = make({}, { limits: { ...limits, stopMs: 100 } })
      await start()
      process.kill(serverOf(id)!.pid, 'SIGSTOP')
      await engine.close()
      expect(processesWith(id)).toEqual([])
    })

    restConformance('a llama-server of our own', () => {
      const { engine, id } = make()
      const processes = () => processesWith(id).length
      return { engine, model: id, longQuestion: 'What is Infernet?', processes }
    })

    it('comes back when it can, where it could not be brought back when it was woken', async () => {
      const file = newFile()
      cpSync(path, file)
      const id = `managed-${process.pid}-woken`
      const { engine, start, ofEvent } = make({ models: [{ id, path: file }] })
      await start()
      await engine.rest()
      writeFileSync(file, 'hello')
      engine.wake()
      await until(() => ofEvent('engine_down').length === 1)
      expect(ofEvent('engine_down')).toMatchObject([{ reason: 'ended with code 1', retry_ms: 500 }])
      cpSync(path, file)
      await until(() => engine.models.length === 1)
      expect((await ask(engine, id, question)).error).toBeUndefined()
    })

    it.each([
      ['no file', () => '/nowhere/m.gguf', /ENOENT/],
      ['a file of another kind', () => written('hello'), /not a GGUF file|ends at byte/],
      ['a file that is cut short', () => cut(), /describes: fetch it again/],
    ])('says at once what is wrong with %s', async (_, file, message) => {
      const { start } = make({ models: [{ id: `m-${++last}`, path: file() }] })
      await expect(start()).rejects.toThrow(message)
    })

    it('says what the server says, when that ends before it serves', async () => {
      const { id, start, engine } = make({ extra: ['--bogus'] })
      await expect(start()).rejects.toThrow(
        /ended with code 1; it does not know --bogus: change --engine-arg\n.*invalid argument/s,
      )
      await engine.close()
      expect(processesWith(id)).toEqual([])
    })

    it('does not start what does not fit, unless told to', async () => {
      const memory = async () => ({ ramBytes: GIB / 16, gpus: [] })
      await expect(make({}, { memory }).start()).rejects.toThrow(
        /GiB are free: .*--skip-memory-check/,
      )
      const bold = make({ checksMemory: false }, { memory })
      await bold.start()
      expect(bold.engine.models).toHaveLength(1)
    })

    it('runs by the command line that a sandbox makes of its own', async () => {
      const seen: EngineCommand[] = []
      const confine = (command: EngineCommand): EngineCommand => {
        seen.push(command)
        return {
          ...command,
          file: '/usr/bin/env',
          args: ['CONFINED=1', command.file, ...command.args],
        }
      }
      const { id, start } = make({}, { confine })
      await start()
      expect(seen[0]?.args).toContain(id)
      expect(readFileSync(`/proc/${serverOf(id)?.pid}/environ`, 'utf8')).toContain('CONFINED=1')
    })

    it('serves several models, each by a server of its own', async () => {
      const models = ['a', 'b'].map((name) => ({ id: `${name}-${process.pid}`, path }))
      const { engine, start } = make({ models })
      await start()
      expect(engine.models.map(({ id }) => id)).toEqual(models.map(({ id }) => id))
      expect(new LoadDesk({ engine, slots: undefined, startedAt: 0 }).usualSlots).toBe(4)
      for (const { id } of models) expect((await ask(engine, id, question)).error).toBeUndefined()
      expect(engine.score).toBeDefined()
    })
  },
)

const newFile = (): string => join(mkdtempSync(join(tmpdir(), 'infernet-')), 'm.gguf')

function written(text: string): string {
  const file = newFile()
  writeFileSync(file, text)
  return file
}

function cut(): string {
  const file = newFile()
  cpSync(path, file)
  truncateSync(file, 400_000)
  return file
}
