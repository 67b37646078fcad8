import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CHEATS, type CheatName } from '../cheats/cheats.ts'
import type { Service } from '../processes.ts'
import type { Stack } from '../stack.ts'
import type { Json } from './money-client.ts'
import { paidAgentOptions } from './settler-process.ts'
import type { TestLightning } from './test-lightning.ts'

const ROOT = join(import.meta.dirname, '../../..')
const AGENT = 'provider-agent/src/cli/main.ts'
const CHEATING_AGENT = 'e2e/src/cheats/cheating-agent.ts'
const PRICE = 'prompt=500000000,completion=500000000'
/** One job at once: what is calibrated must be what serves. */
const ENGINE = ['--engine', 'llama-cpp', '--slots', '1']
/** An engine that is there at once: a slash is not open for long here. */
const SOON_THERE = ['--engine', 'tiny']
/** What verifiers are called: `Stack.start` has to know. */
export const VERIFIER = 'verifier'

/** A provider, honest where it has no cheat. */
export interface Player {
  readonly name: string
  readonly cheat: CheatName | undefined
  readonly service: Service
  /** What it said when it was sent away for good. */
  readonly gone: readonly Json[]
}

/** The providers of a market and its verifier, each in its own process. */
export class MarketPlayers {
  readonly all: readonly Player[]
  readonly #stack: Stack
  readonly #paid: readonly string[]
  readonly #back = new Map<Player, Promise<Json>>()

  private constructor(stack: Stack, lightning: TestLightning, honest: readonly string[]) {
    this.#stack = stack
    this.#paid = paidAgentOptions(lightning)
    this.all = [
      ...honest.map((name) => this.#join(name)),
      ...Object.keys(CHEATS).map((name) => this.#join(name, name as CheatName)),
    ]
  }

  /** These honest ones, and one of each cheat; resolves when all are connected. */
  static async start(
    stack: Stack,
    lightning: TestLightning,
    honest: readonly string[],
  ): Promise<MarketPlayers> {
    const verifier = stack.spawnAgent(VERIFIER, [...ENGINE, '--role', 'verifier'])
    const players = new MarketPlayers(stack, lightning, honest)
    const services = [verifier, ...players.all.map(({ service }) => service)]
    await Promise.all(services.map(connected))
    return players
  }

  get honest(): readonly Player[] {
    return this.all.filter(({ cheat }) => cheat === undefined)
  }

  get cheats(): readonly Player[] {
    return this.all.filter(({ cheat }) => cheat !== undefined)
  }

  /** Who was sent away tries to come back at once, honest now and with the same key; true when all cheats were. */
  areCheatsGone(): boolean {
    for (const player of this.all) {
      if (player.gone.length === 0 || this.#back.has(player)) continue
      const again = this.#stack.spawnAgent(player.name, SOON_THERE)
      this.#back.set(player, again.line(isGone))
    }
    return this.cheats.every(({ gone }) => gone.length > 0)
  }

  /** What each that tried to come back said when it was refused. */
  async refusals(): Promise<readonly Json[]> {
    return await Promise.all(this.#back.values())
  }

  #join(name: string, cheat?: CheatName): Player {
    const service = this.#spawn(name, cheat)
    return { name, cheat, service, gone: service.collect(isGone) }
  }

  #spawn(name: string, cheat: CheatName | undefined): Service {
    const options = [...ENGINE, '--price', PRICE, ...this.#paid]
    if (cheat === undefined) return this.#stack.spawnAgent(name, options)
    return this.#stack.spawnAgent(name, [...options, '--cheat', cheat], CHEATING_AGENT)
  }
}

const isGone = (line: Json): boolean => line['event'] === 'gave_up'

async function connected(agent: Service): Promise<void> {
  agent.peer = String((await agent.line((line) => line['event'] === 'connected'))['peer'])
}

/** Measures how far honest answers are apart here, as an operator would, and has the edge judge by it. */
export async function calibrate(stack: Stack): Promise<void> {
  const file = stack.file('calibration.json')
  const size = ['--requests', '200', '--max-tokens', '48']
  const args = [AGENT, 'calibrate', ...ENGINE, ...size, '--out', file, '--json']
  const child = spawn(process.execPath, args, { cwd: ROOT })
  let [output, errors] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`calibrate ended with ${code}:\n${errors}`)
  const { spec } = JSON.parse(output) as { spec: string }
  const calibration: unknown = JSON.parse(await readFile(file, 'utf8'))
  await stack.operator('PUT', `/operator/calibrations/${spec}`, calibration)
}
