import { describe, expect, it } from 'vitest'
import { compatibilityTable, withTable } from './compatibility.ts'
import type { VitestReport } from './test-summary.ts'

const SUITES: Readonly<Record<string, readonly string[]>> = {
  'openai-node': [
    'answers in one piece',
    'streams the same tokens, with usage when asked',
    "throws the SDK's own errors",
  ],
  'the endpoints of openai-node': [
    'calls a tool, takes its result and answers with it',
    'parses an answer of the wished shape',
    'completes a prompt, whole and streamed',
    'embeds texts, as floats and as base64',
    'creates, keeps, continues and deletes responses',
  ],
  'the AI SDK': [
    'generates text with its usage',
    'streams text with its usage',
    'calls a tool that it is made to call',
    'generates an object of the wished shape',
    'completes a prompt',
    'embeds texts',
    'speaks the Responses API, whole and streamed',
    "throws the SDK's own error with our code",
  ],
  LangChain: [
    'invokes a chat model',
    'streams a chat model',
    'binds a tool and makes the model call it',
    'gives structured output',
    'completes a prompt',
    'embeds documents and queries',
    'uses the Responses API',
    "throws the SDK's own errors",
  ],
  'the Anthropic SDK': [
    'creates a message',
    'streams a message',
    'calls a tool, takes its result and answers with it',
    "throws the SDK's own errors",
  ],
}

/** A run on both hosts in which the named tests failed on the second. */
const runWith = (...failed: string[]): VitestReport => ({
  testResults: ['node', 'workerd'].map((host) => ({
    name: host,
    assertionResults: Object.entries(SUITES).flatMap(([suite, titles]) =>
      titles.map((title) => ({
        title,
        ancestorTitles: [`${suite} on the ${host} host`],
        status: host === 'workerd' && failed.includes(title) ? 'failed' : 'passed',
      })),
    ),
  })),
})

describe('the compatibility table', () => {
  it('has a row for each client and a mark for each thing it does', () => {
    const lines = compatibilityTable(runWith()).split('\n')
    expect(lines).toHaveLength(6)
    expect(lines[2]).toBe('| `openai` (npm) | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ |')
    expect(lines[5]).toBe('| `@anthropic-ai/sdk` | ✓ | ✓ | ✓ |  |  |  |  | ✓ |')
  })

  it('says what failed on any host', () => {
    const table = compatibilityTable(runWith('embeds texts'))
    expect(table.split('\n')[3]).toBe('| Vercel AI SDK | ✓ | ✓ | ✓ | ✓ | ✓ | ✗ | ✓ | ✓ |')
  })

  it('does not claim what was not run', () => {
    expect(() => compatibilityTable({ testResults: [] })).toThrow("no result of 'answers in one")
  })

  it('goes between its marks in the README', () => {
    const readme = 'a\n<!-- compatibility: x -->\nold\n<!-- end -->\nb'
    expect(withTable(readme, 'new')).toBe('a\n<!-- compatibility: x -->\n\nnew\n\n<!-- end -->\nb')
    expect(() => withTable('nothing', 'new')).toThrow('no place')
  })
})
