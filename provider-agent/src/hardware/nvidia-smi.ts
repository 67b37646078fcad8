import type { CommandRunner } from './command-runner.ts'
import { parseSmiRows, type SmiRow } from './smi-rows.ts'

/** Under WSL it is not on the path of services. */
const PROGRAMS = ['nvidia-smi', '/usr/lib/wsl/lib/nvidia-smi']
const MAX_TROUBLE_CHARS = 200

export interface SmiAnswer {
  readonly rows: readonly SmiRow[]
  /** Of the fields that were asked for, those that this driver knows. */
  readonly fields: readonly string[]
  /** What it said instead, or as well: about GPUs that it cannot reach. */
  readonly trouble: string | undefined
}

/** Asks `nvidia-smi` about all GPUs. Drivers older than a field refuse all of them: it is left out, and asked again. */
export async function querySmi(
  run: CommandRunner,
  wanted: readonly string[],
  program = PROGRAMS,
): Promise<SmiAnswer | undefined> {
  let fields = wanted
  while (fields.length > 1) {
    const query = [`--query-gpu=${fields.join(',')}`, '--format=csv,noheader,nounits']
    const answer = await runSmi(run, query, program)
    if (answer === undefined) return undefined
    const unknown = unknownField(answer.text)
    if (unknown === undefined || !fields.includes(unknown)) {
      const rows = parseSmiRows(fields, answer.stdout)
      return { rows, fields, trouble: troubleIn(answer.text, fields.length) }
    }
    fields = fields.filter((field) => field !== unknown)
  }
  return { rows: [], fields, trouble: 'nvidia-smi knows none of the fields' }
}

/** `nvidia-smi -L`: the instances that GPUs are cut into, by the UUID of the GPU. */
export async function migProfiles(run: CommandRunner): Promise<ReadonlyMap<string, string[]>> {
  const answer = await runSmi(run, ['-L'], PROGRAMS)
  const profiles = new Map<string, string[]>()
  let current: string[] = []
  for (const line of answer?.stdout.split('\n') ?? []) {
    const uuid = /^GPU \d+: .*\(UUID: (GPU-[0-9a-fA-F-]+)\)/.exec(line)?.[1]
    if (uuid !== undefined) profiles.set(uuid, (current = []))
    const profile = /^\s+MIG (\S+)\s+Device\s+\d+:/.exec(line)?.[1]
    if (profile !== undefined) current.push(profile)
  }
  return profiles
}

/** What `nvidia-smi` writes for `args`; undefined where it does not do that, or is not there. */
export async function smiText(
  run: CommandRunner,
  args: readonly string[],
): Promise<string | undefined> {
  for (const program of PROGRAMS) {
    const { code, stdout, stderr } = await run(program, args)
    if (code === 0) return stdout
    if (code !== undefined || `${stdout}${stderr}`.trim() !== '') return undefined
  }
  return undefined
}

async function runSmi(
  run: CommandRunner,
  args: readonly string[],
  programs: readonly string[],
): Promise<{ readonly stdout: string; readonly text: string } | undefined> {
  for (const program of programs) {
    const { code, stdout, stderr, timedOut } = await run(program, args)
    // As with a GPU that is lost, or a driver that waits for one.
    if (timedOut === true)
      return { stdout, text: `${stdout}\n${stderr}\n${program} does not answer` }
    const text = `${stdout}\n${stderr}`
    if (code !== undefined || text.trim() !== '') return { stdout, text }
  }
  return undefined
}

const unknownField = (text: string): string | undefined =>
  /^Field "([^"]+)" is not a valid field to query/m.exec(text)?.[1]

/** The first line that is not about a GPU. */
function troubleIn(text: string, columns: number): string | undefined {
  const lines = text.split('\n').map((line) => line.trim())
  const first = lines.find((line) => line !== '' && line.split(',').length !== columns)
  return first?.slice(0, MAX_TROUBLE_CHARS)
}
