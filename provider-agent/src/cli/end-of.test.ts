import { spawnSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MAX_SLOTS } from '@infernet/schemas/limits'
import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { EXIT } from '../exit-codes.ts'
import { AGENT_VERSION } from '../version.ts'
import { endOf, wantsJson } from './end-of.ts'

const MAIN = join(import.meta.dirname, 'main.ts')

function agent(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    encoding: 'utf8',
  })
  return { code: status, out: stdout, err: stderr }
}

const nowhere = () => join(mkdtempSync(join(tmpdir(), 'infernet-')), 'none')

describe('what is wrong with a command line', () => {
  it.each([
    [['nonsense'], "error: unknown command 'nonsense'\n→ infernet-agent --help\n"],
    [
      ['statsu'],
      "error: unknown command 'statsu'\n(Did you mean status?)\n→ infernet-agent --help\n",
    ],
    [
      ['receipt', 'verify'],
      "error: missing required argument 'file'\n→ infernet-agent receipt verify --help\n",
    ],
    [
      ['service', 'install', '--user', '--', '--slots', '0'],
      `infernet-agent: option '--slots <n>' argument '0' is invalid. Expected a whole number from 1 to ${MAX_SLOTS}.\n→ infernet-agent run --help\n`,
    ],
  ])('of %j is told with the next one to type', (args, err) => {
    expect(agent(...args)).toEqual({ code: EXIT.usage, out: '', err })
  })

  it('is one line of JSON with --json', () => {
    const { code, out, err } = agent('keys', 'more', '--json')
    expect({ code, out }).toEqual({ code: EXIT.usage, out: '' })
    expect(JSON.parse(err)).toEqual({
      error: {
        message: "too many arguments for 'keys'. Expected 0 arguments but got 1: more.",
        exit_code: EXIT.usage,
        next: 'infernet-agent keys --help',
      },
    })
  })

  it('is no JSON where --json is for somebody else', () => {
    expect(wantsJson(['service', 'install', '--', '--json'])).toBe(false)
    expect(wantsJson(['status', '--json'])).toBe(true)
  })
})

describe('what a command cannot do', () => {
  it.each([
    [['status'], EXIT.notServing, /^no agent runs with its data at /],
    [['earnings'], EXIT.data, /^there is no key at /],
  ])('is one line of JSON with --json: %j', (args, code, message) => {
    const data = nowhere()
    const result = agent(...args, '--data', data, '--json')
    expect(result).toMatchObject({ code, out: '' })
    expect(JSON.parse(result.err)).toEqual({
      error: {
        message: expect.stringMatching(message) as string,
        exit_code: code,
        next: `infernet-agent setup --data ${data}`,
      },
    })
  })

  it('has its place in the code where nobody foresaw it', () => {
    const error = new TypeError('oh')
    const prose = endOf(error, new Command('x'), false)
    expect(prose).toMatchObject({ exitCode: EXIT.failure })
    expect(prose.text).toContain('end-of.test.ts')
    const { text = '' } = endOf(error, new Command('x'), true)
    expect(JSON.parse(text)).toEqual({
      error: { message: 'oh', exit_code: EXIT.failure, stack: error.stack },
    })
  })
})

describe('the version', () => {
  it.each(['version', '--version', '-V'])('is what %s prints', (word) => {
    expect(agent(word)).toEqual({ code: EXIT.ok, out: `${AGENT_VERSION}\n`, err: '' })
  })
})
