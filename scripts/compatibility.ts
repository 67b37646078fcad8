import type { VitestReport } from './test-summary.ts'

/** What clients do with the API, in the order of the table's columns. */
const FEATURES = [
  'chat',
  'streams',
  'tools',
  'JSON schema',
  'completions',
  'embeddings',
  'Responses',
  'errors',
] as const
type Feature = (typeof FEATURES)[number]

interface Client {
  /** As people know it. */
  readonly name: string
  /** What its suites are called, up to "on the … host". */
  readonly suites: readonly string[]
  /** The test that stands for each thing the client can do. */
  readonly tests: Readonly<Partial<Record<Feature, string>>>
}

const CLIENTS: readonly Client[] = [
  {
    name: '`openai` (npm)',
    suites: ['openai-node', 'the endpoints of openai-node'],
    tests: {
      chat: 'answers in one piece',
      streams: 'streams the same tokens, with usage when asked',
      tools: 'calls a tool, takes its result and answers with it',
      'JSON schema': 'parses an answer of the wished shape',
      completions: 'completes a prompt, whole and streamed',
      embeddings: 'embeds texts, as floats and as base64',
      Responses: 'creates, keeps, continues and deletes responses',
      errors: "throws the SDK's own errors",
    },
  },
  {
    name: 'Vercel AI SDK',
    suites: ['the AI SDK'],
    tests: {
      chat: 'generates text with its usage',
      streams: 'streams text with its usage',
      tools: 'calls a tool that it is made to call',
      'JSON schema': 'generates an object of the wished shape',
      completions: 'completes a prompt',
      embeddings: 'embeds texts',
      Responses: 'speaks the Responses API, whole and streamed',
      errors: "throws the SDK's own error with our code",
    },
  },
  {
    name: 'LangChain.js',
    suites: ['LangChain'],
    tests: {
      chat: 'invokes a chat model',
      streams: 'streams a chat model',
      tools: 'binds a tool and makes the model call it',
      'JSON schema': 'gives structured output',
      completions: 'completes a prompt',
      embeddings: 'embeds documents and queries',
      Responses: 'uses the Responses API',
      errors: "throws the SDK's own errors",
    },
  },
  {
    name: '`@anthropic-ai/sdk`',
    suites: ['the Anthropic SDK'],
    tests: {
      chat: 'creates a message',
      streams: 'streams a message',
      tools: 'calls a tool, takes its result and answers with it',
      errors: "throws the SDK's own errors",
    },
  },
]

/**
 * The README's compatibility table, out of a test run's results: ✓ for what passed on every host it
 * ran on, ✗ for what failed anywhere, blank for what a client does not do or nobody tests. Throws
 * when the run has no result for a test that the table stands on.
 */
export function compatibilityTable(report: VitestReport): string {
  const results = report.testResults.flatMap((file) => file.assertionResults)
  const rows = CLIENTS.map(({ name, suites, tests }) => {
    const cells = FEATURES.map((feature) => {
      const title = tests[feature]
      if (title === undefined) return ''
      const runs = results.filter(
        (result) =>
          result.title === title &&
          suites.some((suite) =>
            result.ancestorTitles.some((above) => above.startsWith(`${suite} on`)),
          ),
      )
      if (runs.length === 0) throw new Error(`no result of '${title}' for ${name}`)
      return runs.every(({ status }) => status === 'passed') ? '✓' : '✗'
    })
    return `| ${[name, ...cells].join(' | ')} |`
  })
  const head = `| client | ${FEATURES.join(' | ')} |`
  return [head, `|---|${FEATURES.map(() => ':-:|').join('')}`, ...rows].join('\n')
}

const MARKS = /(<!-- compatibility: .* -->\n)[\s\S]*?(\n<!-- end -->)/

/** The README with this table between its marks. Throws when it has none. */
export function withTable(readme: string, table: string): string {
  if (!MARKS.test(readme)) throw new Error('the README has no place for the table')
  return readme.replace(MARKS, (_, start: string, end: string) => `${start}\n${table}\n${end}`)
}
