/** One request of a client. */
export interface MarketRequest {
  readonly path: '/chat/completions' | '/completions'
  readonly body: Readonly<Record<string, unknown>>
}

const MODEL = 'infernet-demo'
const MAX_TOKENS = 40

/** What clients talk about: some of it the model knows, of some it has never heard. */
const SUBJECTS = [
  'what Infernet is and who is paid for an answer',
  'a lighthouse in winter and the people who keep it',
  'how a provider is found out that does not run what it sells',
  'three towns by a river, and the ferry between them',
  'why a payment over Lightning takes less than a second',
]

/** Asked for as chats or to be gone on with, streamed or not, cool, as usual, or nearly at random. */
const WAYS = [
  { form: 'chat', stream: true, sampling: { temperature: 0.8 } },
  { form: 'completion', stream: false, sampling: { temperature: 1.2, top_p: 1, min_p: 0 } },
  { form: 'chat', stream: false, sampling: { temperature: 1.2, top_p: 1 } },
  { form: 'completion', stream: true, sampling: { temperature: 1.5, top_k: 20, top_p: 1 } },
  { form: 'chat', stream: false, sampling: { temperature: 0 } },
  { form: 'completion', stream: false, sampling: { temperature: 1 } },
] as const

/** The same mix each time: the nth request. */
export function marketRequest(n: number): MarketRequest {
  const way = WAYS[n % WAYS.length] ?? WAYS[0]
  const subject = `${n}. Tell me of ${SUBJECTS[n % SUBJECTS.length]}`
  // Its clients let anybody see what convicts a provider.
  const provider = { open_audit: true }
  const rest = {
    model: MODEL,
    max_tokens: MAX_TOKENS,
    stream: way.stream,
    provider,
    ...way.sampling,
  }
  if (way.form === 'completion') return { path: '/completions', body: { ...rest, prompt: subject } }
  const messages = [{ role: 'user', content: subject }]
  return { path: '/chat/completions', body: { ...rest, messages } }
}
