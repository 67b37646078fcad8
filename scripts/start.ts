// `npm start`: the whole system on 127.0.0.1, with an account, a key, and credit.
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { styleText } from 'node:util'
import { demoAccount } from './start/demo-account.ts'
import { demoTopUp } from './start/demo-top-up.ts'
import { freePort } from './start/free-port.ts'
import { parseStartOptions, StartError, USAGE, type StartOptions } from './start/options.ts'
import { readyBlock } from './start/ready-block.ts'
import { requestLine, type Paint } from './start/request-line.ts'
import { Spinner } from './start/spinner.ts'
import { openStateDir, type StateDir } from './start/state-dir.ts'
import { hasLlamaCpp, PartDied, System } from './start/system.ts'

/** How long a provider may take to offer a model: it loads one, on a slow disk maybe. */
const MODEL_TIMEOUT_MS = 120_000
const MODEL_POLL_MS = 100
const DEATH_NEWS_MS = 250

/** Honours NO_COLOR and a stdout that is no terminal. */
const paint: Paint = (style, text) => styleText(style, text, { stream: process.stdout })

/** Starts all parts and says when they are ready. Throws {@link StartError} or PartDied. */
async function bringUp(
  options: StartOptions,
  port: number,
  dir: StateDir,
  system: System,
): Promise<void> {
  const spinner = new Spinner(options.json ? process.stderr : process.stdout)
  const edgeUrl = `http://127.0.0.1:${port}`
  try {
    spinner.show('Starting the database')
    const [databaseUrl] = await Promise.all([
      system.startDatabase(options.databaseUrl),
      options.lightning ? system.startLightning() : undefined,
    ])

    spinner.show('Starting the edge')
    // It loads its model first, so the edge is there when it dials; else it would wait to redial.
    if (options.agent) system.startAgent(chooseEngine(options), edgeUrl)
    let readyAt: string | undefined
    const onLine = (line: string): void => {
      const text = readyAt && requestLine(line, readyAt, new Date().toISOString(), paint)
      if (text !== undefined) console.log(text)
    }
    await system.startEdge(options.host, { port, databaseUrl, onLine })

    if (options.lightning) {
      spinner.show('Starting the settler')
      await system.startSettler({ edgeUrl, databaseUrl, onLine })
    }

    spinner.show('Making a demo account')
    const operatorToken = readFileSync(dir.operatorToken, 'utf8').trim()
    const { apiKey } = await demoAccount(edgeUrl, operatorToken, dir.demo)

    if (options.agent) spinner.show('Waiting for the provider to load its model')
    const model = options.agent ? await firstModel(edgeUrl, apiKey, dir) : undefined

    const baseUrl = `${edgeUrl}/v1`
    const consoleUrl = `${edgeUrl}/console`
    const topUp = options.lightning ? await demoTopUp(baseUrl, apiKey) : undefined

    spinner.stop()
    if (!options.json) {
      console.log(readyBlock({ baseUrl, consoleUrl, apiKey, model, topUp }, paint))
      readyAt = new Date().toISOString()
      return
    }
    const pids = {
      edge: system.pid('edge'),
      agent: system.pid('agent'),
      database: system.pid('database'),
      lightning: system.pid('lightning'),
      settler: system.pid('settler'),
    }
    const line = {
      ready: true,
      base_url: baseUrl,
      api_key: apiKey,
      model: model ?? null,
      edge_url: edgeUrl,
      console_url: consoleUrl,
      simulated_topup: topUp ?? null,
      pids,
    }
    console.log(JSON.stringify(line))
  } finally {
    spinner.stop()
  }
}

function chooseEngine(options: StartOptions): StartOptions['engine'] {
  if (options.engine === 'tiny' || hasLlamaCpp()) return options.engine
  console.error(
    'Note: no llama.cpp binary for this machine was installed, so the slower built-in engine answers.',
  )
  return 'tiny'
}

/** The id of the first model that a connected provider offers. */
async function firstModel(edgeUrl: string, apiKey: string, dir: StateDir): Promise<string> {
  const deadline = Date.now() + MODEL_TIMEOUT_MS
  while (Date.now() < deadline) {
    const response = await fetch(`${edgeUrl}/v1/models`, {
      headers: { authorization: `Bearer ${apiKey}` },
    })
    const { data } = (await response.json()) as { data?: { id: string }[] }
    if (data?.[0] !== undefined) return data[0].id
    await sleep(MODEL_POLL_MS)
  }
  throw new StartError(
    `The provider offered no model within ${MODEL_TIMEOUT_MS / 1000} s: see ${dir.logOf('agent')}`,
  )
}

/** Resolves when we are told to stop, or when whoever supervises us is gone. */
function stopRequested(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => resolve())
    if (process.env['INFERNET_SUPERVISED'] === '1') process.stdin.once('end', resolve).resume()
  })
}

async function main(): Promise<number> {
  const options = parseStartOptions(process.argv.slice(2), process.env)
  if (options === 'help') {
    console.log(USAGE)
    return 0
  }
  const port = await freePort(options.port)
  const dir = openStateDir(options.dataDir, options.fresh)
  const system = new System(dir)
  try {
    const up = bringUp(options, port, dir, system).then(() => system.death)
    await Promise.race([up, system.death, stopRequested()])
    if (!options.json) console.log('\nStopping…')
    return 0
  } catch (error) {
    // A request of ours may fail before we hear that its server died, which says more.
    await Promise.race([system.death, sleep(DEATH_NEWS_MS)])
    throw error
  } finally {
    await system.stop()
  }
}

process.exitCode = await main().catch((error: unknown) => {
  const expected = error instanceof StartError || error instanceof PartDied
  console.error(expected ? error.message : error)
  return 1
})
process.exit()
