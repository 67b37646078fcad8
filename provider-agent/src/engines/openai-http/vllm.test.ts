import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EngineProcessEvent } from '../../events.ts'
import { processesWith, type Running } from '../../testing/processes.ts'
import { isInstalled, vllmInstallation, vllmPlace, type VllmPlace } from '../../testing/vllm.ts'
import { capabilityConformance } from '../capability-conformance.ts'
import { ask, engineConformance, RecordingSink, requestOf } from '../engine-conformance.ts'
import { ManagedEngine } from '../managed/managed.ts'
import { SUPERVISOR_LIMITS } from '../managed/supervisor.ts'
import { demoModel } from '../model-file.ts'
import { renderConformance } from '../render-conformance.ts'
import { furthest, orderOf } from '../score-conformance.ts'
import { TinyEngine } from '../tiny.ts'
import { OpenAiHttpEngine } from './openai-http.ts'

const installation = vllmInstallation()
/** Python reads PyTorch three times for one vLLM: a minute on two cores, and longer where they are busy. */
const START_MS = 300_000
const POLL_MS = 50
/**
 * Nats between vLLM and plain TypeScript, both of which compute in 32 bits: they add in another order. Measured on x64:
 * 8e-5.
 */
const SAME_NATS = 5e-4

const model = `vllm-${process.pid}`
const longQuestion = 'What is Infernet?'
const question = { messages: [{ role: 'user', content: longQuestion }] }
/** The demo model's end of text, so that an answer goes on until its context is full. */
const endless = { ...question, logit_bias: { 1022: -100 } }
const COMPLETES = { endpoint: 'completions' } as const
const NONSENSE = 'The canary pays 7 purple bridges in msat, then a lease sings {"no": 42}.'
const never = new AbortController().signal

describe.skipIf(!isInstalled(installation))(
  'with a real vLLM, which the agent runs (needs it: node scripts/bootstrap.mjs vllm)',
  () => {
    let place: VllmPlace
    let managed: ManagedEngine
    const limits = { ...SUPERVISOR_LIMITS }
    const told: EngineProcessEvent[] = []
    const troubles: string[] = []
    /** Files of its shared memory. */
    const shared: string[] = []

    beforeAll(async () => {
      place = vllmPlace()
      managed = new ManagedEngine(
        {
          kind: 'vllm',
          program: installation.path,
          models: [{ id: model, path: place.model }],
          slots: 4,
          gpu: true,
          extra: ['--dtype', 'float32', '--enforce-eager'],
          checksMemory: true,
          spec: { backend: 'cpu' },
        },
        { env: place.env, random: () => 0, limits },
      )
      await managed.start({
        modelsChanged: () => {},
        trouble: (message) => void troubles.push(message),
        process: (event) => void told.push(event),
      })
    }, START_MS)
    afterAll(async () => {
      // None where it did not start.
      const groups = [serverOf()].flatMap((server) => server ?? []).map(({ pid }) => groupOf(pid))
      shared.push(...groups.flatMap(sharedBy))
      await managed.close()
      await until(() => groups.flatMap(membersOf).length === 0)
      // Who would remove it ends with the rest.
      for (const file of shared) rmSync(file, { force: true })
      rmSync(place.folder, { recursive: true })
    })

    const serverOf = (): Running | undefined =>
      processesWith(model).find(({ args }) => args[1] === installation.path)

    /** Another agent that speaks with the same server. */
    const byHttp = async () => {
      const { pid, args } = serverOf()!
      const socket = args[args.indexOf('--uds') + 1]
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
      const key = environment.find((it) => it.startsWith('VLLM_API_KEY='))?.slice(13)
      const spec = { backend: 'cpu' }
      const engine = new OpenAiHttpEngine({ url: `unix:${socket}`, key, models: [], spec })
      await engine.start({ modelsChanged: () => {}, trouble: () => {} })
      return { engine, model, longQuestion, isReal: true, readsLastSpace: true }
    }

    engineConformance('vLLM', byHttp)
    // It was started without a parser for tools.
    capabilityConformance('vLLM', byHttp, [
      'json_schema',
      'logprobs',
      'seed',
      'choices',
      'continue',
    ])
    renderConformance('vLLM', byHttp, { leavesUnclear: true, takesAnyToken: true })

    it('is known by its version and its weights, and draws by no rule on a processor', () => {
      expect(told).toMatchObject([
        { event: 'engine_program', version: `${installation.version}+cpu` },
        { event: 'engine_up', model },
      ])
      const engine = expect.stringContaining(`vllm-${installation.version}+`)
      expect(managed.models).toMatchObject([
        {
          id: model,
          contextLength: 1024,
          endpoints: ['chat.completions', 'completions'],
          capabilities: expect.arrayContaining(['seed', 'logprobs', 'continue']),
          spec: { quantization: 'float32', engine, backend: 'cpu' },
        },
      ])
      // It was started without a parser for them.
      expect(managed.models[0]?.capabilities).not.toContain('tools')
      expect(troubles).toEqual([expect.stringContaining('by no rule that is known')])
    })

    describe('beside plain TypeScript, with the same weights in a GGUF', () => {
      const tiny = new TinyEngine([demoModel()], Date.now)
      const tinyModel = demoModel().id
      let engine: OpenAiHttpEngine
      beforeAll(async () => {
        await tiny.start()
        engine = (await byHttp()).engine
      })
      afterAll(async () => {
        await engine.close()
        await tiny.close()
      })

      it('gives the same probabilities in an answer, when it gives it and when it scores it', async () => {
        const { run, error } = await ask(managed, model, question)
        expect(error).toBeUndefined()
        const evidence = run!.evidence!()!
        const order = orderOf(model, evidence)
        const ours = await tiny.score({ ...order, model: tinyModel }, never)
        expect(ours.length).toBeGreaterThan(20)
        expect(furthest(evidence.transcript.positions, ours)).toBeLessThan(SAME_NATS)
        expect(furthest(await managed.score!(order, never), ours)).toBeLessThan(SAME_NATS)
      })

      it('gives the same probabilities for nonsense, which no model would say', async () => {
        const text = { ...requestOf(tinyModel, { prompt: NONSENSE }, COMPLETES), output: [1] }
        const [start = 0, ...output] = (await tiny.render(text, never)).prompt
        const ours = await tiny.score({ model: tinyModel, prompt: [start], output }, never)
        const theirs = await managed.score!({ model, prompt: [start], output }, never)
        expect(furthest(theirs, ours)).toBeLessThan(SAME_NATS)
      })

      it.each([
        ['a conversation', chatOf('Be brief.', 'Zürich 東京 🦊👩‍🚀 ¡¿…?'), {}],
        ['a text', { prompt: "a  b\n\n c\t don't I'M 1234567 3.14 <|im_end|>" }, COMPLETES],
      ])('reads the same tokens: %s', async (_, body, more) => {
        const order = { ...requestOf(model, body, more), output: [1] }
        const { prompt } = await tiny.render({ ...order, model: tinyModel }, never)
        expect((await engine.render!(order, never)).prompt).toEqual(prompt)
      })
    })

    const kill = (process_: number, signal: NodeJS.Signals) => void process.kill(process_, signal)
    it.each<[string, (server: number, core: number) => void, RegExp]>([
      ['is killed', (server) => kill(server, 'SIGKILL'), /^was ended by SIGKILL$/],
      // As the system ends it where memory runs out.
      ['loses its core', (_, core) => kill(core, 'SIGKILL'), /^(ended with code|was ended by) /],
      // It still answers whoever asks whether it is there.
      [
        'hangs in its core',
        (_, core) => {
          limits.silentMs = 5_000
          kill(core, 'SIGSTOP')
        },
        /^has let an answer wait for \d+ s, and was killed$/,
      ],
    ])(
      '%s in the middle of an answer: the job fails over, and it comes back',
      async (_, hurt, reason) => {
        const { pid } = serverOf()!
        const group = groupOf(pid)
        expect(membersOf(group).length).toBeGreaterThan(3)
        shared.push(...sharedBy(group))
        const sink = new RecordingSink()
        managed.begin(requestOf(model, endless, { max_output_tokens: 900 }), sink)
        await sink.begun
        hurt(pid, coreOf(group))
        await sink.settled
        expect(sink.error).toMatchObject({ fault: 'provider' })
        // That it does not answer may be known before that it has ended.
        await until(() => told.at(-1)?.event === 'engine_down')
        expect(told.at(-1)).toMatchObject({ reason: expect.stringMatching(reason) })
        await until(() => managed.models.length === 0)
        limits.silentMs = SUPERVISOR_LIMITS.silentMs
        await until(() => membersOf(group).length === 0)
        await until(() => managed.models.length === 1)
        expect((await ask(managed, model, question)).error).toBeUndefined()
        expect(serverOf()?.pid).not.toBe(pid)
      },
      START_MS,
    )
  },
)

const chatOf = (system: string, user: string) => ({
  messages: [
    { role: 'system', content: system },
    { role: 'user', content: user },
  ],
})

/** The process group of a process; what vLLM starts is in it, under names of its own. */
function groupOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2])
}

/** Those that have not ended. */
function membersOf(group: number): string[] {
  return readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      const isEnded = stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z')
      return !isEnded && groupOf(Number(name)) === group
    } catch {
      return false
    }
  })
}

/** The process of a vLLM that has the model. */
function coreOf(group: number): number {
  const names = membersOf(group).map((pid) => [pid, readFileSync(`/proc/${pid}/comm`, 'utf8')])
  return Number(names.find(([, name]) => name?.startsWith('VLLM::Engine'))?.[0])
}

/** The shared memory of a group: files that would stay behind. */
const sharedBy = (group: number): string[] =>
  membersOf(group).flatMap((pid) => {
    const maps = readFileSync(`/proc/${pid}/maps`, 'utf8')
    return [...maps.matchAll(/ (\/dev\/shm\/\S+)$/gm)].map(([, file = '']) => file)
  })

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(POLL_MS)
}
