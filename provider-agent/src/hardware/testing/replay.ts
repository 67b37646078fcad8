import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CommandResult, CommandRunner } from '../command-runner.ts'

interface Sample {
  readonly command: string
  readonly output: string
  readonly code: number
}

const FOLDER = join(import.meta.dirname, '..', 'sample-outputs')
const MISSING: CommandResult = { code: undefined, stdout: '', stderr: '' }
const QUERY = /^(\S*nvidia-smi) --query-gpu=(\S+) /

/**
 * A runner that answers as the tools of a sample do. It is asked for other fields than the sample has, so
 * `nvidia-smi` picks them out of what it has there, and does not know the others, as old drivers do not.
 */
export function replayed(file: string): CommandRunner {
  const samples = read(file)
  return async (program, args) => {
    const command = [program, ...args].join(' ')
    const same = samples.find((one) => one.command === command)
    if (same !== undefined) return { code: same.code, stdout: same.output, stderr: '' }
    const fields = QUERY.exec(command)?.[2]?.split(',')
    const queries = samples.filter((one) => QUERY.exec(one.command)?.[1] === program)
    return fields === undefined || queries.length === 0 ? MISSING : answer(queries, fields)
  }
}

/** The commands of a file of samples. */
function read(file: string): Sample[] {
  const text = readFileSync(join(FOLDER, file), 'utf8')
  return text.split(/^\$ /m).flatMap((part) => {
    const end = part.indexOf('\n')
    const code = /^exit (\d+)$/m.exec(part)
    if (end < 0 || code === null) return []
    const output = part.slice(end + 1, code.index)
    return [{ command: part.slice(0, end), output, code: Number(code[1]) }]
  })
}

function answer(queries: readonly Sample[], fields: readonly string[]): CommandResult {
  const known = new Map<string, readonly string[]>()
  const words: string[] = []
  for (const { command, output } of queries) {
    const names = QUERY.exec(command)?.[2]?.split(',') ?? []
    const lines = output.split('\n').map((line) => line.split(', '))
    const rows = lines.filter(({ length }) => length === names.length)
    for (const line of lines) if (line.length !== names.length) words.push(line.join(', '))
    for (const [i, name] of names.entries()) {
      known.set(
        name,
        rows.map((row) => row[i] ?? ''),
      )
    }
  }
  const unknown = fields.find((field) => !known.has(field))
  if (unknown !== undefined) {
    const stdout = `Field "${unknown}" is not a valid field to query.\n\n`
    return { code: 2, stdout, stderr: '' }
  }
  const count = known.get(fields[0] ?? '')?.length ?? 0
  const rows = Array.from({ length: count }, (_, i) =>
    fields.map((field) => known.get(field)?.[i] ?? '').join(', '),
  )
  const stdout = [...rows, ...words.filter((line) => line !== ''), ''].join('\n')
  return { code: queries[0]?.code ?? 0, stdout, stderr: '' }
}

/** Makes a folder for the path of a process, whose `nvidia-smi` answers as in a file of samples. */
export function fakeTools(file: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'infernet-tools-'))
  const script = `#!${process.execPath}
import { replayed } from ${JSON.stringify(import.meta.filename)}
const { code, stdout } = await replayed(${JSON.stringify(file)})('nvidia-smi', process.argv.slice(2))
process.stdout.write(stdout)
process.exitCode = code ?? 127
`
  writeFileSync(join(folder, 'nvidia-smi'), script, { mode: 0o755 })
  return folder
}
