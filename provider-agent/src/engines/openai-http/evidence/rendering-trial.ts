import { meterAnswer } from '@infernet/openai-compat/completion-meter'
import type { StreamEndpoint } from '@infernet/openai-compat/stream-endpoint'
import { StreamMeter } from '@infernet/openai-compat/stream-meter'
import { encodeUtf8 } from '@infernet/schemas/utf8'
import { hash } from 'node:crypto'
import type { EngineRequest } from '../../engine.ts'
import type { RenderOrder } from '../../render-order.ts'
import { ScoreError } from '../../score-order.ts'
import type { HttpRenderer } from '../http-renderer.ts'
import type { EvidencePlan, SeenRendering } from './evidence-plan.ts'
import type { OwnAnswer } from './find-plan.ts'

/** Raised whenever the agent has servers render otherwise than before, as for `RENDERING` of local engines. */
const VERSION = 1
/** Of each answer: enough for some words, and for short answers to end by themselves. */
const ANSWER_TOKENS = 24
/** Questions of an endpoint that have to show that it renders as it answers; none may show otherwise. */
const ENOUGH = 2
/** Until a text can be compared: one may end in half a character. */
const MAX_ANSWERS = 4
/** Hex digits that tell one rendering from another; nobody gains by making two alike. */
const MARK_CHARS = 8

const user = (content: string) => ({ role: 'user', content })
const said = (content: string) => ({ role: 'assistant', content })

interface Question {
  readonly body: Readonly<Record<string, unknown>>
  readonly continues: boolean
}
const fresh = (body: Question['body']): Question => ({ body, continues: false })

const ODD = '  你好 😀 <|x|>\té\n\n'
/** What a template may treat in ways of its own: many turns, roles, space, and an answer to go on with. */
const QUESTIONS: Readonly<Record<StreamEndpoint, readonly Question[]>> = {
  'chat.completions': [
    fresh({ messages: [user('Say no more than one word: yes')] }),
    fresh({
      messages: [
        { role: 'system', content: 'Be brief.' },
        user('What is it?'),
        said('It is so \n'),
        user(ODD),
      ],
    }),
    fresh({
      messages: [
        { role: 'user', content: ['What is it?', ODD].map((text) => ({ type: 'text', text })) },
      ],
    }),
    { body: { messages: [user('Count to six.'), said('One, two,')] }, continues: true },
  ],
  completions: [
    fresh({ prompt: 'One, two, three,' }),
    fresh({ prompt: `The edge is${ODD}` }),
    { body: { prompt: 'The provider is' }, continues: true },
  ],
}

/** What flags may change beside; for the mark alone. */
const UNASKED: Readonly<Record<StreamEndpoint, readonly Question[]>> = {
  'chat.completions': [
    fresh({ messages: [user('Why?')], chat_template_kwargs: { enable_thinking: false } }),
    fresh({ messages: [user('Why?'), said('It is')] }),
  ],
  completions: [],
}

/** What a model is tried with. */
export interface RenderingSubject {
  /** The server's own name. */
  readonly model: string
  readonly renderer: HttpRenderer
  readonly plan: EvidencePlan
  /** Whether the chat template is known to be the same at any time. */
  readonly isTimeless: boolean
  readonly signal: AbortSignal
  /** Asks the model as a client's job would. */
  readonly ask: (request: Omit<EngineRequest, 'model'>) => Promise<OwnAnswer>
}

const endpointsOf = ({ plan, isTimeless }: RenderingSubject): readonly StreamEndpoint[] =>
  plan.endpoints.filter(
    (endpoint): endpoint is StreamEndpoint =>
      endpoint !== 'embeddings' && (isTimeless || endpoint !== 'chat.completions'),
  )

/**
 * Where a server renders as it answers: the prompts that it says it reads must be those it did read, and the
 * text of an answer's ids what a client got. Where one is not, it is believed nothing of that kind.
 */
export async function tryRendering(subject: RenderingSubject): Promise<SeenRendering> {
  const prompts: StreamEndpoint[] = []
  const texts: StreamEndpoint[] = []
  const keepsText = await subject.renderer.keepsText(subject.model, subject.signal)
  for (const endpoint of endpointsOf(subject)) {
    const { isPrompt, isText } = await tryEndpoint(subject, endpoint)
    if (isPrompt) prompts.push(endpoint)
    if (isPrompt && isText && keepsText) texts.push(endpoint)
  }
  return { prompts, texts }
}

async function tryEndpoint(subject: RenderingSubject, endpoint: StreamEndpoint) {
  const seen: Seen[] = []
  for (const question of QUESTIONS[endpoint])
    seen.push(await tryQuestion(subject, endpoint, question))
  const count = (...wanted: Seen[]): number => seen.filter((one) => wanted.includes(one)).length
  const isPrompt = count('unlike') === 0 && count('alike', 'unclear', 'unlike text') >= ENOUGH
  const isText = count('unlike text') === 0 && count('alike') >= ENOUGH
  return { isPrompt, isText }
}

/** What the first answer says that says something of prompt and text, or else what is known of the prompt. */
async function tryQuestion(
  subject: RenderingSubject,
  endpoint: StreamEndpoint,
  question: Question,
) {
  let seen: Seen = 'unanswered'
  for (let seed = 0; seed < MAX_ANSWERS; seed++) {
    const one = await compare(subject, endpoint, question, seed)
    if (one !== 'unanswered' && one !== 'unclear') return one
    if (one === 'unclear') seen = one
  }
  return seen
}

type Seen = 'unanswered' | 'unlike' | 'unlike text' | 'unclear' | 'alike'

/** `unclear`: of the text nothing is known. */
async function compare(
  { ask, model, renderer, signal }: RenderingSubject,
  endpoint: StreamEndpoint,
  question: Question,
  seed: number,
): Promise<Seen> {
  const { order, request } = asked(model, endpoint, question, seed)
  const { evidence, answer } = await ask(request)
  if (evidence === undefined) return 'unanswered'
  const { prompt, positions } = evidence.transcript
  try {
    const output = positions.map(({ id }) => id)
    const rendering = await renderer.render({ ...order, output }, true, signal)
    if (JSON.stringify(rendering.prompt) !== JSON.stringify(prompt)) return 'unlike'
    // Half a character is written in more than one way.
    if (rendering.text === null || rendering.text.includes('\uFFFD')) return 'unclear'
    const shown = textOfAnswer(endpoint, request.stream, answer ?? '') ?? ''
    return rendering.text.replace(/^ /, '') === shown.replace(/^ /, '') ? 'alike' : 'unlike text'
  } catch (error) {
    if (error instanceof ScoreError) return 'unlike'
    throw error
  }
}

/**
 * How a server renders, in a few characters: flags that it was started with may change that, and are no part of
 * what else a spec says. Undefined where it does not tell.
 */
export async function renderingMark(subject: RenderingSubject): Promise<string | undefined> {
  const { model, renderer, signal } = subject
  const rendered: unknown[] = []
  for (const endpoint of endpointsOf(subject)) {
    for (const question of [...QUESTIONS[endpoint], ...UNASKED[endpoint]]) {
      const { order } = asked(model, endpoint, question, 0)
      try {
        const { prompt } = await renderer.render({ ...order, output: [] }, false, signal)
        rendered.push(prompt)
      } catch (error) {
        if (!(error instanceof ScoreError)) throw error
        // Some templates have no system prompt.
        rendered.push(null)
      }
    }
  }
  if (rendered.every((ids) => ids === null)) return undefined
  return hash('sha256', JSON.stringify([VERSION, rendered])).slice(0, MARK_CHARS)
}

function asked(
  model: string,
  endpoint: StreamEndpoint,
  { body, continues }: Question,
  seed: number,
): {
  readonly order: Omit<RenderOrder, 'output'>
  readonly request: Omit<EngineRequest, 'model'>
} {
  const settings = { temperature: 1, top_k: 20, top_p: 0.95, min_p: 0, seed }
  const bytes = JSON.stringify({ model, ...body, ...settings, max_tokens: ANSWER_TOKENS })
  const order = { model, endpoint, continues, body: Buffer.from(bytes) }
  // As an edge does: whole answers show how they ended, and only streams are gone on with.
  const job = { stream: continues, include_usage: true, seed, max_output_tokens: ANSWER_TOKENS }
  return { order, request: { ...order, ...job } }
}

/** What a whole answer or a stream says; undefined where it is none. */
function textOfAnswer(endpoint: StreamEndpoint, stream: boolean, answer: string) {
  const bytes = encodeUtf8(answer)
  if (!stream) return meterAnswer(endpoint, bytes)?.text
  const meter = new StreamMeter({ endpoint, collectText: true })
  meter.push(bytes)
  return meter.contentOf(0)
}
