import type { AuditReport, AuditVerdict } from '@infernet/schemas/audit-report'
import type { RenderedAnswer } from '@infernet/schemas/audit-wire'
import type { ReceiptStatement } from '@infernet/schemas/receipt'
import {
  openingFault,
  type Claim,
  type Position,
  type Transcript,
} from '@infernet/schemas/transcript'
import { OWN_NUMBERS, type Calibration } from '../evidence/calibration.ts'
import { requestEvidence, type RequestEvidence } from '../evidence/request-evidence.ts'
import { rescored } from '../evidence/rescored.ts'
import { verdictOf } from '../evidence/verdict.ts'
import type { AnswerUnderCheck } from '../plausibility/answer-under-check.ts'
import { plausibility } from '../plausibility/plausibility.ts'
import type { AnswerTiming } from '../plausibility/signed-answer.ts'
import { claimedAnswer, claimedSettings } from '../replay/claimed-answer.ts'
import { replayExcess } from '../replay/replay.ts'
import { askedSettings, settingsFault } from './asked-settings.ts'

/** A contradiction is worth what fails one request: a bug of ours must not ban anybody at once. */
const CONTRADICTION_LOG_E = Math.log(1e4)

/** An answer as the edge gave it on. */
export interface DeliveredAnswer {
  /** The client's request, JSON. */
  readonly body: Uint8Array
  /** What tokens were to be drawn with where the client did not say. */
  readonly seed: number
  /** Undefined when the answer was cut, as when its client left. */
  readonly finishReason: string | undefined
  readonly maxOutputTokens: number
  /** UTF-8 bytes of content that went to the client. */
  readonly contentBytes: number | undefined
  /** The content that went to the client, where it is still known. */
  readonly text?: string | undefined
  readonly ttftMs: number
  readonly totalMs: number
  /** The shortest round trip to its provider, ms, where that was measured; see {@link timingOf}. */
  readonly roundTripMs?: number | undefined
  /** What the provider's machine can reach at most, where it is known. */
  readonly maxTokensPerSecond?: number | undefined
}

export interface Judgement {
  readonly verdict: AuditVerdict
  readonly logE: number
  readonly report: AuditReport
}

const NOTHING = { reason: null, findings: [], replay: null, rescored: null }

/** The provider did not show what it had signed, or signed nothing that could be shown. */
export const unopened = (reason: string): Judgement => ({
  verdict: 'unopened',
  logE: 0,
  report: { ...NOTHING, reason },
})

/** It says nothing about how it answered. */
export const unclaimed = (): Judgement => ({
  verdict: 'inconclusive',
  logE: 0,
  report: { ...NOTHING, reason: 'unclaimed' },
})

/** What a verifier of the same spec makes of the request, and of the ids of the answer. */
export interface Rendering extends RenderedAnswer {
  readonly verifier: string
}

/**
 * Layers 0 and 1: whether an answer agrees with its own receipt, its request, and its own numbers. No
 * model is needed, and anybody who has the opening can do it again. With a verifier's `rendering`, also
 * whether the engine read what was asked, and the client got what the tokens say.
 */
export function judgeClaim(
  answer: DeliveredAnswer,
  statement: ReceiptStatement & { readonly claim: Claim },
  opened: Transcript,
  rendering?: Rendering,
): Judgement {
  const { claim } = statement
  const findings = [
    ...contradictions(answer, claim, opened),
    ...plausibility(answerUnderCheck(answer, statement, opened, rendering)),
  ]
  const excess = [...replayExcess(claimedAnswer(claim, opened))]
  const judgement = judged(findings, requestEvidence({ excess }, OWN_NUMBERS))
  if (rendering === undefined) return judgement
  const { verifier } = rendering
  return { ...judgement, report: { ...judgement.report, rendered: { verifier } } }
}

/**
 * Layer 2: a verifier has computed the same answer's probabilities. Its tokens are drawn again from those,
 * and what the provider claims is compared with them. What the layers below have failed stays failed.
 */
export function judgeScores(
  earlier: Judgement,
  claim: Claim,
  {
    opened,
    scored,
    verifier,
    calibration,
  }: {
    readonly opened: Transcript
    readonly scored: readonly Position[]
    readonly verifier: string
    readonly calibration: Calibration
  },
): Judgement {
  const evidence = requestEvidence(rescored(claim, opened, scored), calibration)
  const report = { ...earlier.report, rescored: { ...factsOf(evidence), verifier } }
  if (earlier.verdict === 'fail') return { ...earlier, report }
  return { verdict: verdictOf(evidence), logE: evidence.logE, report }
}

/** One verifier failed it and the next did not: the fault may be theirs, so it counts for nothing. */
export const disputed = (second: Judgement): Judgement => ({
  verdict: 'inconclusive',
  logE: 0,
  report: { ...second.report, reason: 'verifiers disagree' },
})

/** No verifier could say anything of it: what is known stands. */
export const unscored = (earlier: Judgement, reason: string): Judgement => ({
  ...earlier,
  report: { ...earlier.report, reason: `not rescored: ${reason}` },
})

function judged(findings: AuditReport['findings'], evidence: RequestEvidence): Judgement {
  const report = { ...NOTHING, findings, replay: factsOf(evidence) }
  const isContradictory = findings.some(({ severity }) => severity === 'fail')
  if (!isContradictory) return { verdict: verdictOf(evidence), logE: evidence.logE, report }
  return { verdict: 'fail', logE: Math.max(evidence.logE, CONTRADICTION_LOG_E), report }
}

const factsOf = ({ logE, ...counts }: RequestEvidence) => ({ log_e: logE, ...counts })

/** What the receipt says, the opening and the request must agree on. */
function contradictions(
  answer: DeliveredAnswer,
  claim: Claim,
  opened: Transcript,
): AuditReport['findings'] {
  const opening = openingFault(claim, opened)
  const settings = settingsFault(claim, answer)
  return [
    ...(opening === undefined ? [] : [fail('opening', `not what was signed: ${opening}`)]),
    ...(settings === undefined ? [] : [fail('settings', settings)]),
  ]
}

const fail = (name: string, detail: string) => ({ check: name, severity: 'fail' as const, detail })

function answerUnderCheck(
  answer: DeliveredAnswer,
  statement: ReceiptStatement & { readonly claim: Claim },
  { prompt, positions }: Transcript,
  rendering: Rendering | undefined,
): AnswerUnderCheck {
  const { claim, usage } = statement
  const asked = askedSettings(answer.body)
  return {
    promptIds: prompt,
    renderedPromptIds: rendering?.prompt,
    positions,
    // Of candidates that cuts have left, one may be all there are.
    candidatesAsked: claim.kept_only ? 1 : 0,
    vocabularySize: undefined,
    eosIds: endingOf(positions, usage.completion_tokens, answer.finishReason),
    text: answer.text ?? '',
    detokenised: answer.text === undefined ? undefined : (rendering?.text ?? undefined),
    contentBytes: answer.contentBytes,
    stopSequences: asked.stops,
    usage,
    countedTokens: undefined,
    finishReason: answer.finishReason,
    maxTokens: answer.maxOutputTokens,
    contextLength: undefined,
    sampling: claimedSettings(claim),
    plainSampling: asked.isPlain,
    timing: timingOf(answer, statement),
  }
}

/**
 * How long an answer took. Bounds that are not known, as in evidence, which says nothing of the provider's machine,
 * judge nothing; what they find fails no answer, so that a verdict does not hang on them.
 */
export const timingOf = (
  { ttftMs, totalMs, roundTripMs, maxTokensPerSecond }: DeliveredAnswer,
  { started_at, ended_at }: Pick<ReceiptStatement, 'started_at' | 'ended_at'>,
): AnswerTiming => ({
  ttftMs,
  totalMs,
  workedMs: ended_at - started_at,
  roundTripMs,
  maxTokensPerSecond,
})

/** Without a tokenizer: the token that ended the answer is the one that nobody counted. */
function endingOf(
  positions: readonly Position[],
  counted: number,
  finishReason: string | undefined,
): number[] {
  const last = positions.at(-1)
  const isEnded = finishReason !== undefined && finishReason !== 'length'
  return last !== undefined && isEnded && positions.length === counted + 1 ? [last.id] : []
}
