import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { programWith } from '../program.ts'
import { addRunOptions } from '../run-command.ts'
import { EXAMPLES } from './examples.ts'
import { COMMAND_GROUPS, OPTION_GROUPS } from './groups.ts'
import { withoutVainHelp, wordsOf } from './typed-words.ts'

/** What is typed, and what is shown. */
async function helpOf(...typed: string[]): Promise<string> {
  const words = wordsOf(typed)
  let shown = ''
  const program = await programWith(words[0] ?? '', { writeOut: (text) => (shown += text) })
  const parsing = program.parseAsync(withoutVainHelp(program, words), { from: 'user' })
  await expect(parsing).rejects.toMatchObject({ code: 'commander.helpDisplayed' })
  return shown
}

const headingsIn = (help: string): string[] =>
  [...help.matchAll(/^(\S.*:)$/gm)].map(([heading]) => heading)

const longNames = (command: Command): string[] => command.options.map(({ long }) => long ?? '')

describe('the help of the program', () => {
  it('begins with what to type first, and has each command once, under a heading', async () => {
    const out = await helpOf('--help')
    const headings = COMMAND_GROUPS.map(([heading]) => heading)
    expect(headingsIn(out)).toEqual(['Options:', ...headings])
    for (const name of COMMAND_GROUPS.flatMap(([, names]) => names))
      expect(out.match(new RegExp(`^  ${name} `, 'gm'))).toHaveLength(1)
    expect(out).toMatch(/\nBegin:\n {2}setup /)
    expect(out).toMatch(/→ infernet-agent setup .*\n→ infernet-agent COMMAND --help .*\n$/)
    expect(out).toContain('--version')
  })

  it('is shown in both ways for any command, and for those below it', async () => {
    const usage = 'Usage: infernet-agent service install [options] [-- OPTIONS OF RUN]\n'
    expect(await helpOf('help', 'service', 'install')).toContain(usage)
    expect(await helpOf('service', 'install', '--help')).toContain(usage)
  })

  it('is not shown in the place of that of a command which there is not', async () => {
    for (const typed of [
      ['help', 'nonsense'],
      ['nonsense', '--help'],
    ]) {
      const words = wordsOf(typed)
      const program = await programWith('nonsense')
      const parsing = program.parseAsync(withoutVainHelp(program, words), { from: 'user' })
      await expect(parsing).rejects.toThrow("unknown command 'nonsense'")
    }
  })
})

describe('the version', () => {
  it.each(['-V', '--version'])(
    'is no option of commands, which would do their work: %s',
    async (option) => {
      for (const typed of [['drain'], ['keys'], ['service', 'uninstall'], ['upgrade', '--yes']]) {
        const program = await programWith(typed[0] ?? '')
        const parsing = program.parseAsync([...typed, option], { from: 'user' })
        await expect(parsing, typed.join(' ')).rejects.toThrow(`unknown option '${option}'`)
      }
    },
  )
})

describe('the help of run', () => {
  it('has its many options under headings, in their order, and no empty list as a default', async () => {
    const out = await helpOf('run', '--help')
    const headings = OPTION_GROUPS.map(([heading]) => heading)
    expect(headingsIn(out)).toEqual([...headings, 'Examples:'])
    expect(out).toMatch(/\nOptions:\n {2}--edge /)
    expect(out).not.toContain('[]')
  })

  it('names under its headings nothing that is no option', () => {
    const options = longNames(addRunOptions(new Command()))
    for (const name of OPTION_GROUPS.flatMap(([, names]) => names))
      expect(options).toContain(`--${name}`)
  })
})

describe('the examples of a help', () => {
  const run = longNames(addRunOptions(new Command()))

  it.each([...EXAMPLES].flatMap(([name, examples]) => examples.map(([line]) => [name, line])))(
    '%s: %s',
    async (name, line) => {
      const shown = await helpOf(...name.split(' '), '--help')
      expect(shown).toContain(`\n  ${line}\n`)
      const [own = '', ofRun = ''] = line.split(' -- ')
      if (own.startsWith('systemd-analyze')) return
      for (const [option] of own.matchAll(/(?<= )--[a-z-]+/g)) expect(shown).toContain(option)
      for (const [option] of ofRun.matchAll(/--[a-z-]+/g)) expect(run).toContain(option)
    },
  )
})
