import { parseArgs } from 'node:util'
import { type AgentBudget, FULL_AGENT, QUICK_AGENT } from './agent/measure-agent.ts'
import { type DispatchBudget, FULL_DISPATCH, QUICK_DISPATCH } from './dispatch.ts'
import { FULL_LEDGER, type LedgerBudget, QUICK_LEDGER } from './ledger.ts'
import { FULL_SETTLEMENT, QUICK_SETTLEMENT, type SettlementBudget } from './settlement.ts'
import { FULL_STEPS, QUICK_STEPS, type StepsBudget } from './steps.ts'
import { type Budget, FULL_BUDGET, QUICK_BUDGET, type Scenario, SCENARIOS } from './scenario.ts'
import { BASELINE } from './summary.ts'
import type { Target } from './target.ts'

/** More rounds than anyone waits for; a typing error should not load a machine for hours. */
const MAX_ROUNDS = 50

const PARTS: ReadonlySet<string> = new Set(['agent', 'dispatch', 'ledger', 'settlement', 'steps'])

/** What to run. */
export interface Options {
  readonly targets: readonly Target[]
  readonly scenarios: readonly Scenario[]
  readonly budget: Budget
  /** What a job costs a hub by the number of its providers; undefined: not measured. */
  readonly dispatch: DispatchBudget | undefined
  /** What the journal takes; undefined: not measured. */
  readonly ledger: LedgerBudget | undefined
  /** What payouts take on real LND; undefined: not measured. */
  readonly settlement: SettlementBudget | undefined
  /** What the edge itself does for a request; undefined: not measured. */
  readonly steps: StepsBudget | undefined
  /** What an agent adds to a job; undefined: not measured. */
  readonly agent: AgentBudget | undefined
}

/** Thrown for a command line that makes no sense. */
export class BadOption extends Error {
  readonly code = 'bad_option'
  override readonly name = 'BadOption'
}

/**
 * Reads `[agent] [dispatch] [ledger] [settlement] [steps] --targets a,b --scenario a,b --rounds N --quick`. The direct engine is
 * always among the targets, because added figures refer to it. Parts that are named are measured and
 * nothing else; who picks targets or scenarios measures only those. `agent` takes so long that it has to be named.
 * @throws {BadOption} for unknown names and numbers out of range
 */
export function parseOptions(args: readonly string[], allTargets: readonly Target[]): Options {
  const { values, positionals } = readArgs(args)
  const budget = values.quick ? QUICK_BUDGET : FULL_BUDGET
  const rounds = values.rounds === undefined ? budget.rounds : Number(values.rounds)
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > MAX_ROUNDS)
    throw new BadOption(`--rounds takes a number from 1 to ${MAX_ROUNDS}`)
  const isNarrowed = values.targets !== undefined || values.scenario !== undefined
  const isAlone = positionals.length > 0
  if (isAlone && (isNarrowed || positionals.some((part) => !PARTS.has(part))))
    throw new BadOption(
      'the parts that can be named are agent, dispatch, ledger, settlement and steps, which have no targets',
    )
  const part = <T extends object>(name: string, quick: T, full: T): T | undefined => {
    if (isNarrowed || (isAlone && !positionals.includes(name))) return undefined
    return {
      ...(values.quick ? quick : full),
      ...(isAlone && values.rounds !== undefined && { rounds }),
    }
  }
  return {
    targets: isAlone ? [] : pick('--targets', allTargets, values.targets, [BASELINE]),
    scenarios: isAlone ? [] : pick('--scenario', SCENARIOS, values.scenario, []),
    budget: { ...budget, rounds },
    dispatch: part('dispatch', QUICK_DISPATCH, FULL_DISPATCH),
    ledger: part('ledger', QUICK_LEDGER, FULL_LEDGER),
    settlement: part('settlement', QUICK_SETTLEMENT, FULL_SETTLEMENT),
    steps: part('steps', QUICK_STEPS, FULL_STEPS),
    agent: isAlone ? part('agent', QUICK_AGENT, FULL_AGENT) : undefined,
  }
}

function readArgs(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        targets: { type: 'string' },
        scenario: { type: 'string' },
        rounds: { type: 'string' },
        quick: { type: 'boolean', default: false },
      },
      allowPositionals: true,
    })
  } catch (error) {
    throw new BadOption(error instanceof Error ? error.message : String(error))
  }
}

function pick<T extends { readonly name: string }>(
  option: string,
  all: readonly T[],
  list: string | undefined,
  always: readonly string[],
): T[] {
  if (list === undefined) return [...all]
  const wanted = list.split(',')
  const unknown = wanted.find((name) => !all.some((item) => item.name === name))
  if (unknown !== undefined)
    throw new BadOption(`${option} knows ${all.map(({ name }) => name).join(', ')}, not ${unknown}`)
  return all.filter(({ name }) => wanted.includes(name) || always.includes(name))
}
