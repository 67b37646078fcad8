import { DEFAULT_RULES, DEFAULT_SETTING } from '@infernet/verification/economics/market-rules'
import type { Random } from '@infernet/verification/economics/random'
import { simulate, type Simulation } from '@infernet/verification/economics/simulation'
import { distinguishability } from '@infernet/verification/canary/distinguishability'
import { nextPrompt } from '@infernet/verification/canary/prompt-source'
import type { RequestShape } from '@infernet/verification/canary/request-shape'
import { traffic } from '@infernet/verification/canary/testing/traffic'
import { draw, EMPTY_MIX, observe } from '@infernet/verification/canary/traffic-mix'
import { suspicionOf } from '@infernet/verification/evidence/suspicion'
import { newJobId } from '@infernet/schemas/ids'
import { unopened } from '@infernet/verification/verdict/judge'
import { silence } from '@infernet/verification/verdict/silence'
import { afterAudit, newRecord } from '@infernet/edge/audit/spec-record'

/** Share of requests in whose place a canary comes. */
const REPLACED = 1 / 3

/**
 * A17: how well a classifier tells canaries from the traffic that they stand in for, by everything but their
 * words: AUC on requests that it has not seen. 0.5 is chance.
 */
export function canaryAuc(requests: number, random: Random): number {
  const stream = traffic(requests, random)
  const half = Math.floor(requests / 2)
  const mix = stream
    .slice(0, half)
    .reduce((known, shape) => observe(known, shape, random), EMPTY_MIX)
  const [canaries, kept]: [RequestShape[], RequestShape[]] = [[], []]
  for (const request of stream.slice(half)) {
    const shape = random() < REPLACED ? draw(mix, random, request) : undefined
    if (shape === undefined) kept.push(request)
    else canaries.push({ ...shape, promptChars: charsOf(shape, random) })
  }
  return distinguishability(seen(canaries), seen(kept), random)
}

const seen = (shapes: readonly RequestShape[]) => shapes.map((shape) => ({ shape }))

/** As long as the prompt that is made for a shape comes out. */
const charsOf = (shape: RequestShape, random: Random): number =>
  nextPrompt(shape, { random, isUsed: () => false }).reduce(
    (sum, { content }) => sum + content.length,
    0,
  )

/** A21: how a provider stands that has refused to show so many audited answers. */
export function standingAfterRefusals(refusals: number): string {
  let record = newRecord('0'.repeat(64))
  const { report, ...judged } = unopened('nothing was opened')
  const refused = { ...judged, report: { ...report, unopened: { refusal: null } } }
  const when = { job: newJobId(0), judgedAt: 0 }
  for (let refusal = 0; refusal < refusals; refusal++)
    record = afterAudit(record, { ...silence(refused, record.unopenedInRow), ...when })
  return suspicionOf(record.wealth)
}

/** A18, A22, A23 and what all of it pays: the market that `verification/economics` simulates. */
export const market = (seed: number, days: number): Simulation =>
  simulate({ rules: DEFAULT_RULES, setting: { ...DEFAULT_SETTING, days }, seed })
