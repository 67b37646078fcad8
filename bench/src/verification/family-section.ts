import type { Findings } from './experiment.ts'
import { ALPHA } from './figures.ts'
import { BEGINNINGS, isWithinAim } from './honest.ts'
import type { OverTime } from './market.ts'
import { missedAims } from './missed-aims.ts'
import type { Needed } from './needed.ts'
import { plot } from './plot.ts'
import { JUDGED_NOISE, NOISES, type Family } from './setup.ts'
import { number, percent, table } from './table.ts'

/** What one way of drawing has shown, and what follows from it over time. */
export interface FamilyReport {
  readonly family: Family
  readonly findings: Findings
  readonly time: OverTime
}

const TITLES: Record<Family, string> = {
  'llama-cpp': 'llama.cpp: its own sampler, candidates that its cuts left',
  'vllm-gumbel': 'As vLLM draws: Gumbel noise on llama.cpp’s logits, 20 raw logprobs',
}

/** Its part of the report. */
export function familySection({ family, findings, time }: FamilyReport): string[] {
  const { entropy, crossEntropy, honestRequests, honest } = findings
  return [
    `## ${TITLES[family]}`,
    `${honestRequests} honest answers, ${entropy.toFixed(2)} nats of entropy a token ` +
      `(${crossEntropy.toFixed(2)} of the drawn ones); ${percent(honest[JUDGED_NOISE].mismatchRate)} ` +
      `of honest tokens would be drawn otherwise by the verifier, and ${findings.honestContradicted} answers ` +
      `contradict themselves.`,
    '```text\n' + plot(findings.attacks) + '\n```',
    attackTable(findings),
    '### Tokens to detection by the verifier’s noise, and by one statistic',
    noiseTable(findings),
    '### Honest answers',
    thresholdTable(findings),
    missedAims(findings),
    nullTable(findings),
    '### Over many requests',
    mixTable(time),
    lifetimeText(time),
    '### Shape alone (layer 0)',
    rulesTable(findings),
    '### What it takes',
    costText(findings),
  ]
}

const needed = ({ median, ninetieth }: Needed): string => `${number(median)} / ${number(ninetieth)}`

const attackTable = ({ attacks, honest }: Findings): string =>
  table(
    [
      '',
      'attack',
      'self-contradicting (L1)',
      'tokens by L1 alone',
      'audits',
      'AUC',
      ...BEGINNINGS.map((tokens) => `of ${tokens} tokens`),
      ...honest[JUDGED_NOISE].thresholds.map(({ rate }) => `found at FPR ${percent(rate)}`),
      'fails by itself',
      'tokens to detection (L2)',
      'audits to accusation',
    ],
    attacks.map(({ id, name, figures }) => [
      id,
      name,
      percent(figures.contradicted),
      needed(figures.tokensByReplay),
      needed(figures.accusedByReplay),
      figures.auc.toFixed(3),
      ...figures.aucOfBeginnings.map((one) => one.toFixed(3)),
      ...figures.found.map(percent),
      percent(figures.failed),
      needed(figures.tokens[JUDGED_NOISE]),
      needed(figures.accusedAfter),
    ]),
  )

const noiseTable = ({ attacks }: Findings): string =>
  table(
    [
      '',
      'attack',
      ...NOISES.map((noise) => (noise === 0 ? 'as computed' : `noise ${noise}`)),
      `${JUDGED_NOISE}, draws alone`,
      `${JUDGED_NOISE}, logprobs alone`,
    ],
    attacks.map(({ id, name, figures }) => [
      id,
      name,
      ...NOISES.map((noise) => needed(figures.tokens[noise])),
      needed(figures.tokensByStatistic.excess),
      needed(figures.tokensByStatistic.lpDifference),
    ]),
  )

const thresholdTable = ({ honest }: Findings): string =>
  table(
    [
      'noise',
      'tokens',
      'FPR aimed at',
      'threshold, ln e',
      'held-out FPR',
      '95 % interval',
      'within its aim',
      'e of 10^4 or more',
    ],
    NOISES.flatMap((noise) =>
      honest[noise].thresholds.map((threshold) => [
        `${noise}`,
        number(honest[noise].tokens),
        percent(threshold.rate),
        `${threshold.logE.toFixed(2)}${threshold.isLearnt ? '' : ' (not learnt)'}`,
        percent(threshold.heldOutRate),
        `${percent(threshold.interval[0])} to ${percent(threshold.interval[1])}`,
        isWithinAim(threshold) ? 'yes' : '**NO**',
        number(honest[noise].falseAlarms),
      ]),
    ),
  )

const nullTable = ({ nulls }: Findings): string =>
  table(
    ['honest answers', 'requests', 'tokens', 'drawn otherwise', 'failed', 'highest ln e'],
    nulls.map((one) => [
      one.name,
      number(one.requests),
      number(one.tokens),
      percent(one.mismatchRate),
      number(one.failed),
      one.highestLogE.toFixed(1),
    ]),
  )

function mixTable({ mixes }: OverTime): string {
  const shares = [...new Set(mixes.map(({ share }) => share))]
  const names = [...new Set(mixes.map(({ name }) => name))]
  return table(
    ['A16: audits to accusation, by share cheated', ...shares.map(percent)],
    names.map((name) => [
      name,
      ...mixes.filter((mix) => mix.name === name).map((mix) => needed(mix.needed)),
    ]),
  )
}

const lifetimeText = ({ lifetimes, turned }: OverTime): string =>
  `Of ${number(lifetimes.lifetimes)} honest lifetimes of ${lifetimes.requests} audits, ` +
  `${lifetimes.accused} were accused and ${lifetimes.suspended} suspended; the highest ln e of any was ` +
  `${lifetimes.highest.toFixed(1)} (accused from ${(-Math.log(ALPHA)).toFixed(1)}). ` +
  `A18, q4_0 after 1,000 honest audits: watched after ${needed(turned.watched)}, suspended after ` +
  `${needed(turned.suspended)}, accused after ${needed(turned.accused)} more.`

const rulesTable = ({ rules }: Findings): string =>
  table(
    ['', 'attack', 'answers', 'contradict themselves', 'a reason to audit', 'by'],
    rules.map((rule) => [
      rule.id,
      rule.name,
      number(rule.answers),
      percent(rule.failed),
      percent(rule.suspicious),
      rule.checks.join(', ') || '–',
    ]),
  )

function costText({ cost }: Findings): string {
  const { generateUsPerToken: generate, scoreUsPerToken: score, readUsPerToken: read } = cost
  const ratio = (us: number) => `${us.toFixed(0)} µs (${(us / generate).toFixed(2)})`
  return (
    `Generating a token takes ${generate.toFixed(0)} µs with eight requests at once; reading one takes ` +
    `${ratio(read)}, and with 64 candidates listed, as a verifier does, ${ratio(score)}. Layer 1 takes ` +
    `${cost.replayUsPerToken.toFixed(1)} µs and no model. A claim adds ${cost.claimBytes} bytes to a ` +
    `receipt; an audit has ${number(Math.round(cost.openingBytes))} bytes sent, for ` +
    `${cost.answerTokens.toFixed(0)} tokens.`
  )
}
