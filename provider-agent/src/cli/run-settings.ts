import type { Command } from 'commander'
import { parsePrice } from '@infernet/settlement/price-text'
import { dataDir } from '../data-dir.ts'
import { readOfferFlags } from '../engines/offer-overrides.ts'
import { EXIT, OwnerError } from '../exit-codes.ts'
import { parseHours } from '../hardware/hours.ts'
import { edgeAddress } from '../link/edge-address.ts'
import { readPayoutFlags } from '../payout/payout-plan.ts'
import { DEFAULT_PRICE } from '../price.ts'
import type { GivenOption } from '../service/given-option.ts'
import { AgentFileError } from '../setup/agent-file.ts'
import { beneath, readFileOptions, saidTo, type EntryCheck } from './agent-file-options.ts'

/** What the parser takes for any text, by the option's name. */
export const ENTRY_CHECKS: ReadonlyMap<string, EntryCheck> = new Map<string, EntryCheck>([
  ['edge', ({ edge }) => edgeAddress(String(edge))],
  ['price', ({ price }) => parsePrice(String(price), DEFAULT_PRICE)],
  ['hours', ({ hours }) => parseHours(String(hours))],
  // The files of a node are for who starts with this entry: flags may have replaced it.
  ['payout', (values) => values['payout'] === 'lnd' || readPayoutFlags(values)],
  ['capabilities', ({ capabilities }) => readOfferFlags({ capabilities: String(capabilities) })],
  ['endpoints', ({ endpoints }) => readOfferFlags({ endpoints: String(endpoints) })],
  ['quantization', ({ quantization }) => readOfferFlags({ quantization: String(quantization) })],
])

/** Where a command's options come from, beside the command line and the environment. */
export interface SettledFrom {
  readonly path: string
  /** In the file's order. */
  readonly taken: readonly GivenOption[]
}

/**
 * Fills in from the `agent.json` at `path` what neither the command line nor the environment has said to
 * `command`. `make` gives a command with all that the file may say. Undefined where there is nothing to
 * fill in. Throws OwnerError that names file and entry.
 */
export function settle(
  command: Command,
  path: string,
  make: () => Command,
): SettledFrom | undefined {
  const file = filed(() => readFileOptions(path, make, ENTRY_CHECKS))
  if (file === undefined) return undefined
  const taken = beneath(file.given, ({ flag }) => flag.slice(2), saidTo(command))
  for (const { name } of taken) {
    command.setOptionValueWithSource(name, file.values.get(name), 'config')
  }
  return taken.length === 0 ? undefined : { path, taken }
}

/** The file of an agent with this `--data`. */
export const settingsPath = (data: string | undefined): string =>
  dataDir(data, process.env).settings

/** Turns what is wrong with the file into one line and an exit code. */
export function filed<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof AgentFileError)) throw error
    throw fileOwnersError(error)
  }
}

/** What is wrong with the file as one line for its owner, with an exit code. */
export const fileOwnersError = ({ code, message }: AgentFileError): OwnerError =>
  new OwnerError(code === 'bad_entry' || code === 'bad_json' ? EXIT.usage : EXIT.data, message)

/** The edge, which has to be named somewhere. Throws OwnerError. */
export function requiredEdge({ edge }: { readonly edge?: string }): string {
  if (edge !== undefined) return edge
  throw new OwnerError(
    EXIT.usage,
    "required option '--edge <url>' not specified: name the edge, or choose it once and for all with: infernet-agent setup",
  )
}
