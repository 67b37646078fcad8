import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FakeShowingVllm } from '@infernet/provider-agent/testing/fake-showing-vllm'
import { startChild, within, type Child } from '../child-process.ts'
import { BENCH_MODEL } from '../mock-engine.ts'
import { SHOWN_MODEL } from './agent-load.ts'
import type { EdgeEnd } from './edge-end.ts'
import { startEngineEnd } from './engine-end.ts'
import { startInfernetEnd } from './infernet-end.ts'
import type { JobBook } from './job-book.ts'
import { startRelayEnd } from './relay-end.ts'

const ROOT = join(import.meta.dirname, '../../..')
const SOURCE = join(ROOT, 'provider-agent/src/cli/main.ts')
/** Made by `npm run build:agent`. */
const PACKED = join(ROOT, 'dist/agent/lib/infernet-agent.js')

/** Login, and for claims some hundred questions to the engine. */
const START_LIMIT_MS = 60_000

/** An agent between its two ends. */
export interface Subject extends AsyncDisposable {
  readonly child: Child
  readonly end: EdgeEnd
  /** Nobody adds to its requests what claims need. */
  readonly asksItself: boolean
}

/** An agent that can be measured. */
export interface SubjectKind {
  readonly name: string
  /** Its claims are on: it is given loads that are shown, and no others. Undefined: it is given all. */
  readonly shown?: boolean
  start(book: JobBook): Promise<Subject>
}

/** What every other is compared with. */
export const RELAY: SubjectKind = {
  name: 'relay',
  start: (book) =>
    between(book, undefined, startRelayEnd(), true, (host, engineUrl) => [
      join(import.meta.dirname, '../relay.ts'),
      'agent',
      `ws://${host}`,
      engineUrl,
    ]),
}

/** The agents to measure beside it; the packed one where there is a package. */
export const agentKinds = (): readonly SubjectKind[] => [
  infernetAgent('agent', SOURCE),
  ...(existsSync(PACKED) ? [infernetAgent('agent, packed', PACKED)] : []),
  showingAgent('agent, claims', SOURCE),
]

const infernetAgent = (name: string, program: string): SubjectKind => ({
  name,
  shown: false,
  start: (book) => startAgent(book, program, BENCH_MODEL, undefined),
})

/** A server whose tokens can be drawn again tells what it is; the jobs are answered by the engine's end. */
const showingAgent = (name: string, program: string): SubjectKind => ({
  name,
  shown: true,
  start: async (book) => {
    await using cleanup = new AsyncDisposableStack()
    const server = new FakeShowingVllm()
    await server.start()
    cleanup.defer(() => server.close())
    const subject = await startAgent(book, program, SHOWN_MODEL, server.url)
    cleanup.use(subject)
    const running = cleanup.move()
    return { ...subject, [Symbol.asyncDispose]: () => running.disposeAsync() }
  },
})

const HASH = 'ab'.repeat(32)
/** What a server does not tell of itself, and a spec has to have. */
const SPEC = [
  `--spec-weights=${HASH}`,
  `--spec-template=${HASH}`,
  '--spec-quantization=fp8',
  '--spec-backend=cuda',
  '--spec-defaults=vllm',
]

async function startAgent(
  book: JobBook,
  program: string,
  model: string,
  behind: string | undefined,
): Promise<Subject> {
  await using cleanup = new AsyncDisposableStack()
  const data = await mkdtemp(join(tmpdir(), 'bench-agent-'))
  cleanup.defer(() => rm(data, { recursive: true, force: true }))
  const end = startInfernetEnd(behind !== undefined)
  const subject = await between(book, behind, end, false, (host, engineUrl) => [
    program,
    'run',
    `--edge=http://${host}`,
    '--engine=openai-http',
    `--engine-url=${engineUrl}`,
    `--model=${model}`,
    '--slots=1024',
    `--data=${data}`,
    ...(behind === undefined ? [] : SPEC),
  ])
  cleanup.use(subject)
  const running = cleanup.move()
  return { ...subject, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

/** Starts both ends, then the program that `argsOf` tells to connect to them. */
async function between(
  book: JobBook,
  behind: string | undefined,
  starting: Promise<EdgeEnd>,
  asksItself: boolean,
  argsOf: (host: string, engineUrl: string) => readonly string[],
): Promise<Subject> {
  await using cleanup = new AsyncDisposableStack()
  const end = cleanup.use(await starting)
  const engine = cleanup.use(await startEngineEnd(book, behind))
  const child = startChild({ name: 'agent', args: argsOf(end.host, engine.url), cwd: ROOT })
  cleanup.defer(() => child.stop())
  await within(START_LIMIT_MS, child, end.ready)
  const running = cleanup.move()
  return { child, end, asksItself, [Symbol.asyncDispose]: () => running.disposeAsync() }
}
