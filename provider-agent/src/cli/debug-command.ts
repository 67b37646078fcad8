import { existsSync } from 'node:fs'
import { readdir, stat, writeFile } from 'node:fs/promises'
import { arch, homedir, platform, release } from 'node:os'
import { dirname, join } from 'node:path'
import { PROTOCOL } from '@infernet/schemas/wire'
import type { Command } from 'commander'
import { debugBundle, type BundlePart } from '../bundle/debug-bundle.ts'
import { knownSecrets, secretArguments } from '../bundle/known-secrets.ts'
import { redactor } from '../bundle/redact.ts'
import { agentStatusSchema } from '../control/agent-status.ts'
import { agentLines } from '../control/control-client.ts'
import { ControlError } from '../control/control-error.ts'
import { dataDir } from '../data-dir.ts'
import { errorMessage } from '../error-message.ts'
import { EXIT, OwnerError } from '../exit-codes.ts'
import { probeThisMachine } from '../hardware/probe.ts'
import { AGENT_VERSION } from '../version.ts'
import { columns } from './columns.ts'
import { runningAgent, socketOf } from './control-asks.ts'
import type { DiagnoseFlags } from './diagnose.ts'
import { addDiagnoseOptions, diagnosed } from './doctor-command.ts'
import { settingsOf } from './run-command.ts'
import { untilStopped } from './until-stopped.ts'

/** The latest of them: a day of a quiet agent. */
const MAX_EVENTS = 500
/** More than an agent's folder ever has, unless an edge is away for days. */
const MAX_FILES = 200

interface BundleFlags extends DiagnoseFlags {
  readonly output?: string
}

/** Adds `debug bundle` to the program. */
export function addDebugCommand(program: Command): void {
  const command = program
    .command('debug')
    .description('gather what others need to help')
    .command('bundle')
    .description('write versions, options, events and the doctor’s findings, without secrets')
    .option('-o, --output <file>', 'where to (default: infernet-debug-TIME.tar.gz)')
  addDiagnoseOptions(command).action(({ data }: BundleFlags, asked: Command) => {
    settingsOf(asked, data)
    return bundle(asked.opts<BundleFlags>())
  })
}

async function bundle(flags: BundleFlags): Promise<void> {
  const at = Date.now()
  const time = new Date(at).toISOString().replace(/[-:]|\..*$/g, '')
  const file = flags.output ?? `infernet-debug-${time}.tar.gz`
  if (existsSync(file)) throw cannotWrite(file, 'it is there already')
  const stopping = untilStopped().signal
  const parts = await gathered(flags, stopping)
  if (stopping.aborted) throw new OwnerError(EXIT.interrupted, 'stopped; nothing was written')
  const { bytes, files } = debugBundle(parts, redactorFor(flags), at)
  await written(file, bytes)
  console.log(flags.json ? JSON.stringify({ file, files }) : bundleText(file, files))
}

function redactorFor(flags: BundleFlags) {
  const { data, edge, engineKey, engineUrl, clientKey, lndMacaroon, engineArg } = flags
  const { key } = dataDir(data, process.env)
  const known = knownSecrets({
    texts: [engineKey, clientKey, ...secretArguments(engineArg)],
    files: [key, lndMacaroon],
    urls: [edge, engineUrl],
    env: process.env,
  })
  return redactor({ known, home: homedir() })
}

async function gathered(flags: BundleFlags, signal: AbortSignal): Promise<BundlePart[]> {
  const [checks, hardware, status, files] = await Promise.all([
    diagnosed(flags, signal),
    probeThisMachine(undefined, signal),
    runningAgent(flags.data, agentStatusSchema),
    filesIn(dirname(dataDir(flags.data, process.env).outbox)),
  ])
  const parts: BundlePart[] = [
    { name: 'versions.json', about: 'of the agent, Node and the system', content: versions() },
    { name: 'options.json', about: 'as given, and INFERNET_… variables', content: options(flags) },
    { name: 'doctor.json', about: 'what infernet-agent doctor finds', content: checks },
    { name: 'hardware.json', about: 'processor, memory and GPUs', content: hardware },
    { name: 'files.json', about: 'names and sizes in the data folder', content: files },
  ]
  if (status === undefined) return parts
  return [
    ...parts,
    { name: 'status.json', about: 'what the running agent says of itself', content: status },
    {
      name: 'events.jsonl',
      about: `its latest events, ${MAX_EVENTS} at most`,
      content: await events(flags.data, signal),
    },
  ]
}

const versions = (): object => ({
  agent: AGENT_VERSION,
  protocol: PROTOCOL,
  node: process.versions,
  system: { platform: platform(), arch: arch(), release: release() },
  program: process.argv[1],
  node_options: process.execArgv,
})

const isOurs = ([name]: readonly [string, unknown]): boolean => name.startsWith('INFERNET_')

function options(flags: BundleFlags): object {
  return { flags, environment: Object.fromEntries(Object.entries(process.env).filter(isOurs)) }
}

async function filesIn(folder: string): Promise<object[]> {
  const names = await readdir(folder, { recursive: true }).catch(() => [])
  const found = names.slice(0, MAX_FILES).map(async (name) => {
    const { mode, size, mtime } = await stat(join(folder, name))
    return { name, mode: (mode & 0o7777).toString(8), size, changed: mtime.toISOString() }
  })
  const settled = await Promise.allSettled(found)
  return settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
}

/** None where the agent has ended meanwhile. */
async function events(data: string | undefined, signal: AbortSignal): Promise<unknown[]> {
  const lines: unknown[] = []
  try {
    const path = `/events?tail=${MAX_EVENTS}`
    const asked = { socket: socketOf(data), method: 'GET', path } as const
    for await (const line of agentLines(asked, signal)) lines.push(JSON.parse(line))
  } catch (error) {
    if (!(error instanceof ControlError || error instanceof SyntaxError)) throw error
  }
  return lines
}

async function written(file: string, bytes: Uint8Array): Promise<void> {
  try {
    await writeFile(file, bytes, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    throw cannotWrite(file, errorMessage(error))
  }
}

const cannotWrite = (file: string, reason: string): OwnerError =>
  new OwnerError(EXIT.usage, `cannot write ${file}: ${reason}. Name another with -o FILE`)

function bundleText(
  file: string,
  files: readonly { readonly name: string; readonly about: string; readonly bytes: number }[],
): string {
  const rows = files.map(({ name, about, bytes }) => [`  ${name}`, `${bytes} bytes`, about])
  return [
    `${file} is written, and has not been sent anywhere. In it are:`,
    '',
    columns(rows, new Set([1])),
    '',
    'Keys, tokens, macaroons and invoices are taken out, and what looks like them. Read it before you share it:',
    `  tar -xOzf ${file} | less`,
  ].join('\n')
}
