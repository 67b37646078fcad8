import { resolve } from 'node:path'
import { parseArgs } from 'node:util'

const HOSTS = ['node', 'workerd', 'wrangler'] as const
export type HostKind = (typeof HOSTS)[number]
const ENGINES = ['llama-cpp', 'tiny'] as const
export type EngineKind = (typeof ENGINES)[number]

export interface StartOptions {
  /** 0 picks a free one. */
  readonly port: number
  /** One JSON line on stdout instead of a screen. */
  readonly json: boolean
  readonly agent: boolean
  /** Simulated Lightning, and a settler on it. */
  readonly lightning: boolean
  readonly fresh: boolean
  /** Absolute path. */
  readonly dataDir: string
  readonly host: HostKind
  readonly engine: EngineKind
  /** Someone else's database instead of our own. */
  readonly databaseUrl: string | undefined
}

export const USAGE = `usage: npm start -- [options]

  --port PORT         port of the API on 127.0.0.1 (8787, or INFERNET_PORT; 0 picks a free one)
  --data DIR          everything is kept here (.infernet)
  --fresh             forget what is kept there first
  --engine ENGINE     llama-cpp or tiny (llama-cpp)
  --no-agent          start no provider: connect your own
  --no-lightning      start no simulated Lightning and no settler: run your own
  --database-url URL  use this PostgreSQL (postgres://…) and no database of our own
  --host HOST         run the edge on node, workerd, or wrangler dev (node)
  --json              print one JSON line when ready and nothing else; logs are in DIR/logs
`

/** What was asked for cannot be done; the message says what to do instead. */
export class StartError extends Error {
  override readonly name = 'StartError'
  readonly code = 'cannot_start'
}

/** The options of `npm start`, or 'help'. Throws {@link StartError}. */
export function parseStartOptions(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): StartOptions | 'help' {
  const values = parse(args)
  if (values.help) return 'help'
  const port = values.port ?? env['INFERNET_PORT'] ?? '8787'
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    throw new StartError(
      `'${port}' is no port. Choose one from 1024 to 65535, or 0 for a free one.`,
    )
  }
  return {
    port: Number(port),
    json: values.json,
    agent: values.agent,
    lightning: values.lightning,
    fresh: values.fresh,
    dataDir: resolve(values.data),
    host: oneOf(HOSTS, '--host', values.host),
    engine: oneOf(ENGINES, '--engine', values.engine),
    databaseUrl: values['database-url'],
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowNegative: true,
      options: {
        port: { type: 'string' },
        json: { type: 'boolean', default: false },
        agent: { type: 'boolean', default: true },
        lightning: { type: 'boolean', default: true },
        fresh: { type: 'boolean', default: false },
        data: { type: 'string', default: '.infernet' },
        host: { type: 'string', default: 'node' },
        engine: { type: 'string', default: 'llama-cpp' },
        'database-url': { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values
  } catch (error) {
    throw new StartError(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`)
  }
}

function oneOf<Choice extends string>(
  choices: readonly Choice[],
  name: string,
  value: string,
): Choice {
  const choice = choices.find((candidate) => candidate === value)
  if (choice === undefined)
    throw new StartError(`${name} is one of ${choices.join(', ')}, not '${value}'.`)
  return choice
}
