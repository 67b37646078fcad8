import { Command } from 'commander'
import type { CheckResult } from '../doctor/check.ts'
import { EngineStartError } from '../engines/engine.ts'
import { EXIT, OwnerError } from '../exit-codes.ts'
import { absolutePaths } from '../setup/absolute-paths.ts'
import type { AgentFile } from '../setup/agent-file.ts'
import type { Gathered } from '../setup/gather.ts'
import { proposePrice } from '../setup/propose-price.ts'
import { soldModels, type SoldModels, type SoldRim } from '../setup/sold-models.ts'
import { beneath, ENGINE_HEADS, inOrder } from './agent-file-options.ts'
import { ownIdentity } from './own-identity.ts'
import { readRunArguments } from './run-arguments.ts'
import { addRunOptions, type RunFlags } from './run-command.ts'
import { edgeAnswer, payoutAnswer, priceAnswer, type Asking } from './setup-answers.ts'
import { engineAnswer, sameEngine } from './setup-engine.ts'
import type { SetupResult } from './setup-text.ts'

export interface SetupFlags extends Omit<RunFlags, 'edge'> {
  readonly yes?: boolean
  readonly dryRun?: boolean
  readonly clientKey?: string
}

/** A command with all options that the file may have. */
export const runOptions = (): Command => addRunOptions(new Command())

/** What was chosen, and how the edge is. */
export type Chosen = Pick<SetupResult, 'options' | 'models' | 'notes' | 'priceFrom'> & {
  readonly checks: readonly CheckResult[]
}

/**
 * All options that `run` is to have. `before` are those of the last setup. Throws OwnerError, also for what run
 * would refuse.
 */
export async function chosenOptions(
  asking: Asking,
  before: AgentFile,
  found: Gathered,
  flags: SetupFlags,
): Promise<Chosen> {
  const { start, signal } = asking
  const { edge, checks } = await edgeAnswer(asking)
  const engine = await engineAnswer(asking, found)
  const key = start['engine-key'] === undefined ? flags.engineKey : String(start['engine-key'])
  const { models, note } = await sold(engine, { found, key, signal })
  const peer = ownIdentity(flags.data)?.peer
  const propose = () => proposePrice({ edge, clientKey: flags.clientKey, models, peer, signal })
  const { price, from } = await priceAnswer(asking, propose, sameEngine(before, engine))
  const payout = await payoutAnswer(asking)
  const heads = new Set(['edge', 'price', 'payout', ...ENGINE_HEADS])
  const all = { ...under(start, heads), edge, ...engine, price, ...payout }
  const options = inOrder(absolutePaths(all, process.cwd()), runOptions)
  // What run would refuse is not written down.
  readRunArguments(argumentsOf(options), () => '')
  return {
    options,
    models: models.map(({ name }) => name),
    checks,
    priceFrom: from,
    notes: note === undefined ? [] : [note],
  }
}

async function sold(options: AgentFile, rim: SoldRim): Promise<SoldModels> {
  try {
    return await soldModels(options, rim)
  } catch (error) {
    if (error instanceof EngineStartError) throw new OwnerError(EXIT.usage, error.message)
    throw error
  }
}

/** Options as they are typed. */
const argumentsOf = (options: AgentFile): string[] =>
  Object.entries(options).flatMap(([name, entry]) => {
    if (entry === true) return [`--${name}`]
    return (Array.isArray(entry) ? entry : [entry]).map((value) => `--${name}=${value}`)
  })

/** What the file has said and is not said otherwise. */
export function under(file: AgentFile, said: ReadonlySet<string>): AgentFile {
  return Object.fromEntries(beneath(Object.entries(file), ([name]) => name, said))
}
