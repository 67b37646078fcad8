import { slashIdOf, type SlashFacts } from '@infernet/schemas/slash-facts'
import { openingFault, type Position } from '@infernet/schemas/transcript'
import { verdictOf } from '@infernet/verification/evidence/verdict'
import {
  evidenceHash,
  openEvidence,
  rejudge,
  type OpenedEvidence,
} from '@infernet/verification/verdict/audit-evidence'
import { EvidenceError } from '@infernet/verification/verdict/evidence-error'
import { openSilence, type OpenedSilence } from '@infernet/verification/verdict/silence-evidence'
import { askedSettings } from '@infernet/verification/verdict/asked-settings'
import type { Judgement } from '@infernet/verification/verdict/judge'
import { silenceVerdict } from './silence-verdict.ts'
import { factsCheck, isBroken, unsound, type Check, type SlashVerdict } from './slash-verdict.ts'

/** What is known of a slash beside its evidence. */
export interface Published {
  readonly facts?: SlashFacts | undefined
  /** SHA-256, hex, that the evidence must have. */
  readonly sha256?: string | undefined
}

/** An answer computed anew, and what about that may make it differ. */
export interface OwnScores {
  readonly positions: readonly Position[]
  readonly notes: readonly string[]
}
export type OwnScorer = (json: string, evidence: OpenedEvidence) => Promise<OwnScores>

const OWN = 'this machine'

/**
 * Comes to a slash's verdict again from its evidence, a check after the other, and ends with the first that does not
 * hold. With `score` in place of verifiers' numbers: one's own. Rejects as `score` does.
 */
export async function verifySlash(
  json: string,
  published: Published,
  score?: OwnScorer,
): Promise<SlashVerdict> {
  const checks: Check[] = [hashCheck(json, published)]
  if (isBroken(checks)) return unsound(checks)
  const opened = await opening(json)
  if ('found' in opened) return unsound([...checks, opened])
  if ('refused' in opened) return silenceVerdict(opened, published.facts, checks)
  checks.push(...soundness(opened, published.facts))
  if (isBroken(checks)) return unsound(checks)
  const claimed = rejudge(opened, [])
  checks.push(contentCheck(claimed), replayCheck(claimed))
  if (claimed.verdict === 'fail') {
    return { verdict: 'convicts', checks, restsOn: restOfClaim(claimed) }
  }
  const scores = await scoresFor(json, opened, score)
  checks.push(...scores.map((one) => scoreCheck(rejudge(opened, [one]), one)))
  if (scores.length === 0) checks.push(NOT_SCORED)
  if (rejudge(opened, scores).verdict !== 'fail') return { verdict: 'acquits', checks, restsOn: [] }
  const restsOn = score === undefined ? [VERIFIERS_WORD, CALIBRATION] : [CALIBRATION]
  return { verdict: 'convicts', checks, restsOn }
}

const EDGES_WORD = 'the edge’s word on what was asked and delivered'
const VERIFIERS_WORD =
  'the verifiers’ word on what the model computes (with --model FILE you compute it yourself)'
const CALIBRATION =
  'the edge’s word on how much honest answers of the spec vary (GET /v1/calibrations/SPEC)'

/** Tokens that its own numbers do not give need nobody else's word. */
function restOfClaim({ report: { findings, replay, rendered } }: Judgement): string[] {
  if (replay !== null && verdictOf({ ...replay, logE: replay.log_e }) === 'fail') return []
  const isRendered = rendered !== undefined && findings.some(({ severity }) => severity === 'fail')
  return isRendered
    ? [EDGES_WORD, 'a verifier’s word on how the prompt is tokenised']
    : [EDGES_WORD]
}

function hashCheck(json: string, { facts, sha256 }: Published): Check {
  const hash = evidenceHash(json)
  const name = 'published bytes'
  const wanted = sha256?.toLowerCase() ?? facts?.evidence_sha256
  if (wanted === undefined) {
    return { name, found: 'nothing', detail: `SHA-256 ${hash}, to be compared with the edge’s` }
  }
  const isNamed = facts === undefined || facts.id === slashIdOf(hash)
  const isIt = [wanted, facts?.evidence_sha256 ?? wanted].every((known) => known === hash)
  return isIt && isNamed
    ? { name, found: 'good', detail: `SHA-256 ${hash}` }
    : { name, found: 'bad', detail: `SHA-256 is ${hash}, and was to be ${wanted}` }
}

async function opening(json: string): Promise<OpenedEvidence | OpenedSilence | Check> {
  try {
    return (await openSilence(json)) ?? (await openEvidence(json))
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error
    const name = error.code === 'malformed' ? 'form' : 'receipt'
    return { name, found: 'bad', detail: error.message }
  }
}

/** That all of it is of the one answer that the provider has signed; ends with what is not. */
function soundness(evidence: OpenedEvidence, facts: SlashFacts | undefined): Check[] {
  const { lease, provider } = evidence.statement
  const receipt: Check = {
    name: 'receipt',
    found: 'good',
    detail: `signed by ${provider} for ${lease}`,
  }
  const published = facts === undefined ? [] : [factsCheck(evidence.statement, facts)]
  const shown = openingCheck(evidence)
  if (shown.found === 'bad') return [receipt, ...published, shown]
  return [receipt, ...published, shown, ...unreadable(evidence), ...foreignScores(evidence)]
}

function openingCheck({ statement, opened }: OpenedEvidence): Check {
  const fault = openingFault(statement.claim, opened)
  const name = 'opening'
  if (fault === undefined) {
    const detail = `${opened.positions.length} tokens, as the receipt commits to them`
    return { name, found: 'good', detail }
  }
  const detail = `not what was signed: ${fault}. What a provider shows is not signed, so this proves nothing`
  return { name, found: 'bad', detail }
}

/** An edge takes no request that has none of these settings' form. */
function unreadable({ answer }: OpenedEvidence): Check[] {
  try {
    askedSettings(answer.body)
    return []
  } catch {
    return [{ name: 'request', found: 'bad', detail: 'it is no request that an edge takes' }]
  }
}

function foreignScores({ opened, scores }: OpenedEvidence): Check[] {
  const foreign = scores.filter(({ positions }) => !isOf(positions, opened.positions))
  return foreign.map(({ verifier }) => ({
    name: 'scores',
    found: 'bad',
    detail: `those of ${verifier} are of another answer`,
  }))
}

const isOf = (scored: readonly Position[], answer: readonly Position[]): boolean =>
  scored.length === answer.length && scored.every(({ id }, i) => id === answer[i]?.id)

function contentCheck({ report }: Judgement): Check {
  const faults = report.findings.filter(({ severity }) => severity === 'fail')
  const detail = faults.map((finding) => `${finding.check}: ${finding.detail}`).join('; ')
  return faults.length === 0
    ? { name: 'layer 0', found: 'nothing', detail: 'receipt, request and delivery agree' }
    : { name: 'layer 0', found: 'convicts', detail }
}

const replayCheck = ({ report: { replay } }: Judgement): Check => evidenceCheck('layer 1', replay)

const scoreCheck = (
  { report: { rescored } }: Judgement,
  { verifier, notes = [] }: { readonly verifier: string; readonly notes?: readonly string[] },
): Check => {
  const check = evidenceCheck('layer 2', rescored)
  return { ...check, detail: [`${check.detail}, by ${verifier}`, ...notes].join('; ') }
}

function evidenceCheck(name: string, counts: Judgement['report']['replay']): Check {
  if (counts === null) return { name, found: 'nothing', detail: 'nothing could be drawn again' }
  const { log_e: logE, inconclusive, mismatches, tokens } = counts
  const isFailed = verdictOf({ ...counts, logE }) === 'fail'
  const drawn = `${mismatches} of ${tokens - inconclusive} tokens drawn otherwise`
  const e = `e = 10^${(logE / Math.LN10).toFixed(1)}`
  return isFailed
    ? { name, found: 'convicts', detail: `${drawn}, ${e}` }
    : { name, found: 'nothing', detail: `${drawn}, ${e}; it takes 10^4` }
}

const NOT_SCORED: Check = {
  name: 'layer 2',
  found: 'nothing',
  detail: 'no verifier’s numbers are in it; with --model FILE you compute your own',
}

type NamedScores = OpenedEvidence['scores'][number] & { readonly notes?: readonly string[] }

async function scoresFor(
  json: string,
  evidence: OpenedEvidence,
  score: OwnScorer | undefined,
): Promise<readonly NamedScores[]> {
  if (score === undefined) return evidence.scores
  return [{ verifier: OWN, ...(await score(json, evidence)) }]
}
