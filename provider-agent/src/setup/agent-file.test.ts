import { mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command, Option } from 'commander'
import { beforeEach, describe, expect, it } from 'vitest'
import { beneath, fileOf, readFileOptions, saidTo } from '../cli/agent-file-options.ts'
import { watchGiven } from '../cli/given-options.ts'
import { AgentFileError, readAgentFile, writeAgentFile } from './agent-file.ts'

const make = (): Command =>
  new Command()
    .addOption(new Option('--edge <url>').env('SOME_EDGE'))
    .addOption(new Option('--engine <kind>').choices(['tiny', 'large']).conflicts('manage'))
    .option('--manage <server>')
    .option('--model <model...>', '', [])
    .option('--slots <n>', '', Number, 4)
    .option('--size <size>', '', (text: string) => Number(text.replace('G', 'e9')))
    .option('--no-gpu', '')
    .option('--payout <where>')
    .option('--lnd <address>')
    .option('--data <folder>')

describe('agent.json', () => {
  let path: string
  beforeEach(() => {
    path = join(mkdtempSync(join(tmpdir(), 'infernet-')), 'new', 'agent.json')
  })
  const put = (text: string): void => {
    writeAgentFile(path, {})
    writeFileSync(path, text)
  }
  const read = () => readFileOptions(path, make, new Map())

  it('is read as it was written, by its owner alone, and leaves nothing beside it', () => {
    const file = { edge: 'https://e', model: ['a', 'b=c'], slots: 2, 'no-gpu': true as const }
    writeAgentFile(path, { edge: 'old' })
    writeAgentFile(path, file)
    expect(readAgentFile(path)).toEqual(file)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(readdirSync(join(path, '..'))).toEqual(['agent.json'])
    expect(readFileSync(path, 'utf8')).toMatch(/^\{\n {2}"edge"/)
  })

  it('says what its options would say', () => {
    writeAgentFile(path, { model: ['a', 'b=c'], slots: 2, 'no-gpu': true, edge: '-x' })
    const { given, values } = read()!
    expect(Object.fromEntries(values)).toEqual({
      model: ['a', 'b=c'],
      slots: 2,
      gpu: false,
      edge: '-x',
    })
    expect(given.map(({ flag, value }) => `${flag} ${value}`)).toEqual([
      '--model a',
      '--model b=c',
      '--slots 2',
      '--no-gpu undefined',
      '--edge -x',
    ])
  })

  it('is what a command was given, as it was written', () => {
    const command = make()
    const given = watchGiven(command)
    const args = ['--model', 'a', '--size=2G', '--slots', '3', '--no-gpu', '--data', '/']
    command.parse([...args, '--model=b'], { from: 'user' })
    const file = { model: ['a', 'b'], size: '2G', slots: 3, 'no-gpu': true as const }
    expect(fileOf(command, given, make)).toEqual(file)
    writeAgentFile(path, file)
    expect(Object.fromEntries(read()!.values)).toEqual({
      model: ['a', 'b'],
      size: 2e9,
      slots: 3,
      gpu: false,
    })
  })

  it('is nothing where it is not there', () => {
    expect(read()).toBeUndefined()
  })

  it.each([
    ['no JSON', '{', 'it is not JSON'],
    ['a list', '[]', 'it has no list of options'],
    ['an unknown option', '{"edgy":"x"}', "'edgy': run has no such option"],
    ['one that is not for it', '{"data":"/"}', "'data': run has no such option"],
    ['a bad choice', '{"slots":1,"engine":"tony"}', "'engine': option '--engine <kind>' argument"],
    ['an object', '{"edge":{}}', "'edge': it takes a text"],
    ['a value where none goes', '{"no-gpu":"yes"}', "'no-gpu': it takes true"],
    ['no value where one goes', '{"edge":true}', "'edge': it takes a value"],
    ['a list where one goes', '{"edge":["a"]}', "'edge': it takes one value"],
    ['two that exclude each other', '{"engine":"tiny","manage":"m"}', "'engine': option"],
  ])('names itself and the entry for %s', (_what, text, message) => {
    put(text)
    expect(read).toThrow(AgentFileError)
    expect(read).toThrow(`${path}: ${message}`)
    expect(read).toThrow('infernet-agent setup')
  })

  it('is asked by checks of its own for what any text would be', () => {
    put('{"edge":"nonsense"}')
    const checks = new Map([
      [
        'edge',
        () => {
          throw new Error('no URL')
        },
      ],
    ])
    expect(() => readFileOptions(path, make, checks)).toThrow(`${path}: 'edge': no URL`)
  })
})

describe('beneath the command line', () => {
  const options = ['edge', 'engine', 'model', 'slots', 'payout', 'lnd']
  const left = (said: string[]): string[] => beneath(options, (name) => name, new Set(said))

  it('an option counts that nobody else has said', () => {
    expect(left([])).toEqual(options)
    expect(left(['edge', 'model'])).toEqual(['engine', 'slots', 'payout', 'lnd'])
  })

  it('an engine or a payout that is said replaces all that goes with it', () => {
    expect(left(['engine-url'])).toEqual(['edge', 'payout', 'lnd'])
    expect(left(['payout'])).toEqual(['edge', 'engine', 'model', 'slots'])
  })

  it('tells defaults from what was said', () => {
    const command = make().parse(['--slots', '4'], { from: 'user' })
    expect([...saidTo(command)]).toEqual(['slots'])
  })
})
