import { MAX_CANDIDATES } from '@infernet/schemas/limits'
import { modelSpecSchema, type ModelSpec } from '@infernet/schemas/model-spec'
import type { Endpoint } from '@infernet/schemas/wire'
import type { EngineRequest, Evidence } from '../../engine.ts'
import type { FileOrHash, SpecWords } from '../../spec-words.ts'
import type { HttpRenderer } from '../http-renderer.ts'
import type { EvidencePlan, SamplerDefaults, ShowingKind } from './evidence-plan.ts'
import { readDefaults, readText, type ModelFileReader, type ModelFiles } from './model-folder.ts'
import { renderingMark, tryRendering, type RenderingSubject } from './rendering-trial.ts'
import { findReplay, TEST_SETTINGS, TOKENS_PER_ANSWER } from './replay-finder.ts'
import type { ServerFacts } from './server-facts.ts'
import { templateFacts, type TemplateFacts } from './template-facts.ts'
import { NEUTRAL } from './traced-request.ts'

/** vLLM's words for more candidates than its `--max-logprobs`. */
const TOO_MANY = /logprobs.*greater than max allowed: (\d+)/is
/** The beginning of anything, so that what is drawn depends on the seed. */
const WILD = 'q'
/** Two temperatures must not change what is told of a place by more than a batch does, in nats. */
const RAW_NATS = 0.25
const VLLM_KV = 'auto'
const LLAMA_KV = 'f16'

/** What became of one question of the agent's own. */
export interface OwnAnswer {
  readonly evidence: Evidence | undefined
  /** What a client would have got; undefined where that failed. */
  readonly answer: string | undefined
  /** In the engine's words. */
  readonly error: string | undefined
}

/** A model that may be shown, with what is known of it. */
export interface PlanSubject {
  readonly id: string
  readonly kind: ShowingKind
  readonly words: SpecWords
  /** Undefined where the server does not tell them. */
  readonly facts: ServerFacts | undefined
  /** Where the server says that its weights are, if it does. */
  readonly modelPath: string | undefined
  readonly quantization: string | undefined
  readonly endpoints: readonly Endpoint[]
  readonly files: ModelFileReader
  readonly renderer: HttpRenderer
  readonly signal: AbortSignal
  /** Asks the model as a client's job would, by a plan. */
  readonly ask: (plan: EvidencePlan, request: Omit<EngineRequest, 'model'>) => Promise<OwnAnswer>
}

/** How a model's answers are shown, and what its owner should know of it. */
export interface FoundPlan {
  readonly plan?: EvidencePlan
  /** Undefined where there is nothing to do. */
  readonly advice?: string
}

/** Finds out how answers of a model can be shown: what it is, what its server tells, how it draws. */
export async function findPlan(subject: PlanSubject): Promise<FoundPlan> {
  const found = await specOf(subject)
  if (typeof found === 'string') return { advice: unaudited(subject, found) }
  const shown = await shownBy(subject, found)
  if (typeof shown === 'string') return { advice: unaudited(subject, shown) }
  if (!(await isRaw(subject, shown))) {
    const why = 'its logprobs change with the temperature: start it without another --logprobs-mode'
    return { advice: unaudited(subject, why) }
  }
  const replay = await findReplay(shown.kind, async (settings, seed) => {
    const { evidence } = await subject.ask(shown, wild(subject.id, shown, { ...settings, seed }))
    return evidence
  })
  const { isTimeless, tokenBytes } = found
  const plan = await withRendering(subject, { ...shown, replay, tokenBytes }, isTimeless)
  if (replay === 'none') return { plan, advice: `${subject.id}: ${UNREPEATABLE}` }
  if (plan.defaults === undefined) return { plan, advice: `${subject.id}: ${UNKNOWN_DEFAULTS}` }
  return { plan }
}

const UNREPEATABLE =
  'its server draws tokens by no rule that is known here; answers are audited by their probabilities only'
const UNKNOWN_DEFAULTS =
  'what its server draws with where clients say nothing is not known; say --spec-defaults FILE ' +
  '(its generation_config.json), or --spec-defaults vllm where it runs with --generation-config vllm'

const unaudited = ({ id }: PlanSubject, why: string): string =>
  `${id} is served, but its answers cannot be audited: ${why}`

interface Described {
  readonly spec: ModelSpec
  readonly defaults: SamplerDefaults | undefined
  /** The chat template is known to be the same at any time. */
  readonly isTimeless: boolean
  readonly tokenBytes: number | undefined
}

/** The spec, or what is missing of it. */
async function specOf(subject: PlanSubject): Promise<Described | string> {
  const { words, facts, kind } = subject
  if (facts === undefined) return 'its server does not tell its version'
  const read = await filesOf(subject)
  const weights = read?.weights ?? hashOf(words.weights)
  const quantization = words.quantization ?? read?.quantization ?? subject.quantization
  const template = (await templateOf(words.template)) ?? facts.template ?? read?.template
  const missing = [
    ...(weights === undefined ? ['--spec-weights FILE (or FOLDER, or its SHA-256)'] : []),
    ...(quantization === undefined ? ['--spec-quantization WORD'] : []),
    ...(words.backend === undefined ? ['--spec-backend cuda (or rocm, metal, cpu)'] : []),
    ...(template === undefined ? ['--spec-template FILE (or its SHA-256)'] : []),
  ]
  if (missing.length > 0) return `say ${missing.join(', ')}`
  const { data: spec } = modelSpecSchema.safeParse({
    weights,
    quantization: wordOf(quantization),
    kv: words.kv ?? (kind === 'vllm' ? VLLM_KV : LLAMA_KV),
    engine: facts.engine,
    backend: words.backend,
    template: template?.sha256,
  })
  if (spec === undefined) return `'${facts.engine}' is no version that a spec can name`
  const isTimeless = template?.isTimeless === true
  const defaults = await defaultsOf(subject, read)
  return { spec, defaults, isTimeless, tokenBytes: read?.tokenBytes }
}

async function filesOf({ words, files, modelPath }: PlanSubject): Promise<ModelFiles | undefined> {
  const said = words.weights
  if (said !== undefined) return 'path' in said ? files.read(said.path) : undefined
  return modelPath === undefined ? undefined : files.readNamed(modelPath)
}

/** A spec's words have no spaces; llama.cpp's `Q4_K - Medium` does. */
const wordOf = (text: string | undefined): string | undefined =>
  text?.replaceAll(/[^A-Za-z0-9_.+-]+/g, '-').replaceAll(/-{2,}/g, '-')

const hashOf = (said: FileOrHash | undefined): string | undefined =>
  said !== undefined && 'sha256' in said ? said.sha256 : undefined

async function templateOf(said: FileOrHash | undefined): Promise<TemplateFacts | undefined> {
  if (said === undefined) return undefined
  if ('sha256' in said) return { sha256: said.sha256, isTimeless: false }
  const template = await readText(said.path)
  return template === undefined ? undefined : templateFacts(template)
}

async function defaultsOf(
  { words, facts }: PlanSubject,
  read: ModelFiles | undefined,
): Promise<SamplerDefaults | undefined> {
  if (words.defaults === 'vllm') return NEUTRAL
  if (words.defaults !== undefined) return readDefaults(words.defaults, undefined)
  return facts?.defaults ?? read?.defaults
}

/** Where and with how many candidates it tells of its tokens, or why it does not. */
async function shownBy(
  subject: PlanSubject,
  { spec, defaults }: Described,
): Promise<EvidencePlan | string> {
  const { kind, endpoints } = subject
  const wanted = endpoints.filter((endpoint) => endpoint !== 'embeddings')
  let candidates = MAX_CANDIDATES
  let why = 'it does not tell its tokens'
  const shown: Endpoint[] = []
  for (const endpoint of wanted) {
    const plan = { kind, spec, defaults, replay: 'none', endpoints: [endpoint] } as const
    const question = wild(subject.id, plan, { seed: 1 }, 2)
    let answer = await subject.ask({ ...plan, candidates }, question)
    const allowed = Number(TOO_MANY.exec(answer.error ?? '')?.[1])
    if (allowed > 1 && allowed < candidates) {
      candidates = allowed
      answer = await subject.ask({ ...plan, candidates }, question)
    }
    if (answer.evidence !== undefined) shown.push(endpoint)
    why = answer.error ?? why
  }
  if (shown.length === 0) return why
  return { kind, spec, defaults, replay: 'none', candidates, endpoints: shown }
}

/** Whether it tells probabilities before temperature and cuts. */
async function isRaw(subject: PlanSubject, plan: EvidencePlan): Promise<boolean> {
  const [hot, cold] = await Promise.all(
    [1.5, 0.5].map((temperature) =>
      subject.ask(plan, wild(subject.id, plan, { ...TEST_SETTINGS[0], temperature, seed: 1 }, 1)),
    ),
  )
  const first = hot?.evidence?.transcript.positions[0]?.top ?? []
  const again = new Map(
    cold?.evidence?.transcript.positions[0]?.top.map(({ id, logprob }) => [id, logprob]),
  )
  const gaps = first.map(({ id, logprob }) => Math.abs(logprob - (again.get(id) ?? logprob)))
  return first.length > 0 && again.size > 0 && Math.max(...gaps) <= RAW_NATS
}

/** The plan with what the server renders, and with how it does as a part of its engine's version. */
async function withRendering(
  { ask, id, renderer, signal }: PlanSubject,
  plan: EvidencePlan,
  isTimeless: boolean,
): Promise<EvidencePlan> {
  const subject: RenderingSubject = {
    model: id,
    renderer,
    plan,
    isTimeless,
    signal,
    ask: (request) => ask(plan, request),
  }
  const rendering = await tryRendering(subject)
  const mark = await renderingMark(subject)
  if (mark === undefined) return { ...plan, rendering }
  const engine = modelSpecSchema.shape.engine.safeParse(`${plan.spec.engine}+${mark}`)
  const spec = engine.success ? { ...plan.spec, engine: engine.data } : plan.spec
  return { ...plan, spec, rendering }
}

/** A request of the agent's own that could go on in any way. */
function wild(
  model: string,
  { endpoints }: Pick<EvidencePlan, 'endpoints'>,
  settings: Readonly<Record<string, number>>,
  tokens = TOKENS_PER_ANSWER,
): Omit<EngineRequest, 'model'> {
  const endpoint = endpoints.includes('completions') ? 'completions' : 'chat.completions'
  const asked =
    endpoint === 'completions' ? { prompt: WILD } : { messages: [{ role: 'user', content: WILD }] }
  const body = { model, ...asked, ...settings, max_tokens: tokens }
  return {
    endpoint,
    body: Buffer.from(JSON.stringify(body)),
    seed: 1,
    stream: true,
    include_usage: true,
    continues: false,
    max_output_tokens: tokens,
  }
}
