import { execFileSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Argument, Command, Option } from 'commander'
import { describe, expect, it } from 'vitest'
import { findTool } from '../../sandbox/find-tool.ts'
import { bashCompletion } from './bash-completion.ts'
import { commandTree } from './command-tree.ts'
import { fishCompletion } from './fish-completion.ts'
import { zshCompletion } from './zsh-completion.ts'

/** What every shell reads as something else. */
const NASTY = `it's "$(touch pwned)": \\ \`x\``

function someProgram(): Command {
  const program = new Command('some-agent').description(NASTY)
  const run = program.command('run').description(NASTY)
  run
    .addOption(new Option('--role <role>', NASTY).choices(['provider', 'verifier']))
    .option('--data <directory>', 'where')
    .option('--edge <url>', 'the edge')
    .option('-q, --quiet', NASTY)
  const receipt = program.command('receipt').description('receipts')
  receipt.command('verify').argument('<file>', 'a file').option('--json', 'as JSON')
  receipt.command('fetch')
  program.command('completion').addArgument(new Argument('<shell>').choices(['bash', 'zsh']))
  return program
}

const directory = mkdtempSync(join(tmpdir(), 'infernet-'))
writeFileSync(join(directory, 'script'), bashCompletion(commandTree(someProgram())))
writeFileSync(join(directory, 'key.pem'), '')

/** What bash offers for the last word of a line, which may be empty. */
function offered(line: string, script = join(directory, 'script')): string[] {
  const [program = ''] = line.split(' ')
  const program64 = `
    source ${script}
    complete -p ${program} >/dev/null
    COMP_WORDS=(${line
      .split(' ')
      .map((word) => `'${word}'`)
      .join(' ')})
    COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
    $(complete -p ${program} | sed 's/.*-F \\([^ ]*\\).*/\\1/')
    printf '%s\\n' "\${COMPREPLY[@]}"`
  const out = execFileSync('bash', ['--norc', '-c', program64], { cwd: directory })
  return out
    .toString()
    .trim()
    .split('\n')
    .filter((word) => word !== '')
}

describe('the completion of bash', () => {
  it.each([
    ['some-agent ', ['run', 'receipt', 'completion', '-h', '--help']],
    ['some-agent r', ['run', 'receipt']],
    ['some-agent run --r', ['--role']],
    ['some-agent run -', ['--role', '--data', '--edge', '-q', '--quiet', '-h', '--help']],
    ['some-agent run --role ', ['provider', 'verifier']],
    ['some-agent run --role v', ['verifier']],
    // As readline cuts --role=v.
    ['some-agent run --role =', ['provider', 'verifier']],
    ['some-agent run --role = v', ['verifier']],
    ['some-agent run --role verifier --q', ['--quiet']],
    ['some-agent receipt ', ['verify', 'fetch', '-h', '--help']],
    // The value of an option is no command.
    [
      'some-agent run --edge receipt ',
      ['--role', '--data', '--edge', '-q', '--quiet', '-h', '--help'],
    ],
    ['some-agent completion ', ['bash', 'zsh', '-h', '--help']],
    ['some-agent receipt verify --', ['--json', '--help']],
    // Left to readline, which completes files.
    ['some-agent receipt verify ', []],
    ['some-agent run --data ', []],
    ['some-agent run --edge ', []],
    ['some-agent nonsense ', ['run', 'receipt', 'completion', '-h', '--help']],
  ])('%j', (line, words) => {
    expect(offered(line)).toEqual(words)
  })

  it('completes the agent’s own commands', () => {
    const script = join(directory, 'own')
    writeFileSync(script, ownCompletion('bash'))
    expect(offered('infernet-agent st', script)).toEqual(['status'])
    expect(offered('infernet-agent status --w', script)).toEqual(['--watch'])
    expect(offered('infernet-agent completion f', script)).toEqual(['fish'])
    expect(offered('infernet-agent slash ', script)).toEqual(
      expect.arrayContaining(['verify', 'show', 'appeal']),
    )
  })
})

const MAIN = join(import.meta.dirname, '..', 'main.ts')
const ownCompletion = (shell: string): Buffer =>
  execFileSync(process.execPath, [MAIN, 'completion', shell])
const [FISH, ZSH] = [findTool('fish'), findTool('zsh')]
const linesOf = (output: Buffer): string[] => output.toString().split('\n').slice(0, -1)

describe.skipIf(FISH === undefined)(
  'the completion of fish (needs fish: apt-get install fish)',
  () => {
    const script = join(directory, 'script.fish')
    writeFileSync(script, fishCompletion(commandTree(someProgram())))
    const fish = (...args: string[]) =>
      linesOf(execFileSync(FISH ?? '', ['--no-config', ...args], { cwd: directory }))
    /** Each with its description, which fish shows beside it. */
    const offeredBy = (file: string, line: string) =>
      fish('-c', `source ${file}; complete -C '${line}'`)

    it.each([
      ['some-agent r', [`receipt\treceipts`, `run\t${NASTY}`]],
      ['some-agent run --ro', [`--role\t${NASTY}`]],
      ['some-agent run --role v', [`verifier\t${NASTY}`]],
      ['some-agent run --edge receipt --q', [`--quiet\t${NASTY}`]],
      ['some-agent run --edge ', []],
      ['some-agent receipt verify --j', ['--json\tas JSON']],
      ['some-agent receipt verify k', ['key.pem']],
      ['some-agent completion b', ['bash']],
    ])('%j', (line, words) => {
      expect(offeredBy(script, line)).toEqual(words)
    })

    it('completes the agent’s own commands', () => {
      const own = join(directory, 'own.fish')
      writeFileSync(own, ownCompletion('fish'))
      expect(fish('--no-execute', own)).toEqual([])
      expect(offeredBy(own, 'infernet-agent ser')).toEqual(['service\trun the agent under systemd'])
      const names = offeredBy(own, 'infernet-agent service ').map((word) => word.split('\t')[0])
      expect(names).toEqual(['install', 'status', 'uninstall', 'unit'])
    })
  },
)

describe.skipIf(ZSH === undefined)('the completion of zsh (needs zsh: apt-get install zsh)', () => {
  const script = join(directory, 'script.zsh')
  writeFileSync(script, zshCompletion(commandTree(someProgram())))
  /** What the function hands to zsh, which completes only at a terminal; it is zsh that keeps what fits. */
  const handed = (...words: string[]) =>
    linesOf(
      execFileSync(ZSH ?? '', [
        '-fc',
        `compdef() {}; source ${script}
        _describe() { print -rl -- $items; }
        _message() { print -r -- message; }
        _files() { print -r -- files; }
        compadd() { print -rl -- "\${@:2}"; }
        words=("$@"); CURRENT=$#; _some-agent`,
        'zsh',
        ...words,
      ]),
    )
  const help = ['-h:display help for command', '--help:display help for command']

  it.each([
    [
      ['some-agent', ''],
      [`run:${NASTY}`, 'receipt:receipts', 'completion:', ...help],
    ],
    [
      ['some-agent', 'run', '--role', ''],
      ['provider', 'verifier'],
    ],
    [['some-agent', 'run', '--edge', ''], ['message']],
    [
      ['some-agent', 'receipt', 'verify', ''],
      ['files', '--json:as JSON', ...help],
    ],
    [
      ['some-agent', 'completion', ''],
      ['bash', 'zsh', ...help],
    ],
  ])('%j', (words, items) => {
    expect(handed(...words)).toEqual(items)
  })

  it('is well-formed for the agent’s own commands', () => {
    const own = join(directory, 'own.zsh')
    writeFileSync(own, ownCompletion('zsh'))
    execFileSync(ZSH ?? '', ['-n', own])
    const loaded = `autoload -Uz compinit; compinit -D; source ${own}; print $_comps[infernet-agent]`
    expect(linesOf(execFileSync(ZSH ?? '', ['-fc', loaded]))).toEqual(['_infernet-agent'])
  })
})

describe('what other shells get', () => {
  it('is quoted as they want it', () => {
    const tree = commandTree(someProgram())
    const zsh = zshCompletion(tree)
    expect(zsh).toMatch(/^#compdef some-agent\n/)
    expect(zsh).toContain(`'run:it'\\''s "$(touch pwned)": \\ \`x\`'`)
    expect(zsh).toContain(`('/run --role')) compadd -- 'provider' 'verifier'; return ;;`)
    expect(zsh).toContain(`('/receipt/verify')\n      _files\n`)
    const fish = fishCompletion(tree)
    expect(fish).toContain(`-a run -d 'it\\'s "$(touch pwned)": \\\\ \`x\`'\n`)
    expect(fish).toContain(
      `complete -c some-agent -n "__some_agent_at '/run'" -l role -r -f -a 'provider verifier' -d`,
    )
    expect(fish).toContain(`"__some_agent_at '/receipt/verify'" -F\n`)
  })
})
