import { marketTable } from '@infernet/verification/economics/report'
import type { Environment } from '../environment.ts'
import { familySection, type FamilyReport } from './family-section.ts'
import { ALPHA } from './figures.ts'
import { isMet, type Goal } from './goals.ts'
import type { Surroundings } from './market.ts'
import { JUDGED_NOISE, SETTINGS } from './setup.ts'
import { number, table } from './table.ts'

/** Everything that one run found out; also the shape of its JSON. */
export interface Report {
  readonly environment: Environment
  readonly options: { readonly isQuick: boolean; readonly seed: number }
  readonly seconds: number
  readonly families: readonly FamilyReport[]
  readonly surroundings: Surroundings
  readonly goals: readonly Goal[]
}

/** The report as Markdown. */
export function render(report: Report): string {
  const { environment, options, seconds, families, surroundings, goals } = report
  const { date, commit, node, cpu, cores, loadAverage } = environment
  return [
    '# What verification finds',
    `${date}, commit ${commit}, Node ${node}, ${cores} x ${cpu}, load ${loadAverage.toFixed(1)}. ` +
      `Seed ${options.seed}${options.isQuick ? ', `--quick`: too few answers for small rates' : ''}, ` +
      `${seconds.toFixed(0)} s. Method: bench/README.md.`,
    `Answers of up to 128 tokens at temperature ${SETTINGS.temperature}, top_k ${SETTINGS.topK}, ` +
      `top_p ${SETTINGS.topP}, min_p ${SETTINGS.minP}. The verifier’s logits have normal noise of ` +
      `${JUDGED_NOISE} nats unless said. Found: e of ${1 / ALPHA} or more. Tokens to detection ` +
      `are layer 2’s, over an attack’s answers in random order as if they were one; two figures are what is ` +
      `needed in half and in nine of ten cases.`,
    '## Goals',
    goalTable(goals),
    ...reasons(goals),
    ...families.flatMap(familySection),
    '## Rules, simulations and the rest',
    ruleRows(surroundings, families),
    '### The simulated market (A18, A22, A23)',
    marketTable(surroundings.market),
    '',
  ].join('\n\n')
}

/** Why, for those that are not met. */
const reasons = (goals: readonly Goal[]): string[] =>
  goals
    .filter((goal) => !isMet(goal) && goal.reason !== undefined)
    .map((goal) => `Not met (${goal.family}, ${goal.text}): ${goal.reason}`)

const goalTable = (goals: readonly Goal[]): string =>
  table(
    ['drawn as', 'goal', 'at most', 'measured', ''],
    goals.map((goal) => [
      goal.family,
      goal.text,
      number(goal.limit),
      number(goal.figure),
      isMet(goal) ? 'met' : '**NOT met**',
    ]),
  )

function ruleRows(around: Surroundings, families: readonly FamilyReport[]): string {
  const isRefused = families.every(({ findings }) => findings.isFakeRootRefused)
  const outcome = (name: string) => {
    const all = around.market.outcomes.filter((one) => one.name.startsWith(name))
    const days = all.map(({ caughtOnDay }) => caughtOnDay ?? Infinity)
    return `found out on day ${number(Math.min(...days))}`
  }
  return table(
    ['', 'attack', 'layer', 'found'],
    [
      ['A16', 'cheats in 3 to 30 % of requests', 'wealth', 'see “Over many requests”'],
      [
        'A17',
        'cheats only where it sees no canary',
        'canaries',
        `told apart with AUC ${around.canaryAuc.toFixed(3)} (0.5 is chance)`,
      ],
      ['A18', 'cheats after earning reputation', 'wealth', outcome('late')],
      [
        'A21',
        `refuses to open ${around.refusals} audited answers`,
        'opening rule',
        around.standingAfterRefusals === 'clear'
          ? '**NOT found**: it still stands clear'
          : `it is ${around.standingAfterRefusals}`,
      ],
      [
        'A22',
        'verifier passes everything unseen',
        'known-bad transcripts',
        outcome('lazy verifier'),
      ],
      ['A22', 'verifier passes what its partner does', 'operator’s engine', outcome('colluders')],
      ['A23', 'comes back under another name', 'bond and holdback', outcome('Sybil restarter')],
      [
        'A24',
        'a root over other leaves than shown',
        'opening',
        isRefused ? 'yes, always' : '**NOT found**',
      ],
    ],
  )
}
