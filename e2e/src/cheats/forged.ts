import {
  providerFault,
  type EngineRun,
  type EngineSink,
  type Evidence,
} from '@infernet/provider-agent/engines/engine'
import { demoModel } from '@infernet/provider-agent/engines/model-file'
import { MAX_CANDIDATES } from '@infernet/schemas/limits'
import type { Candidate, Claim, Position } from '@infernet/schemas/transcript'
import type { HonestEngine } from './cheat.ts'

/**
 * A run whose end waits until the promised model has read the answer, so that its numbers can be claimed.
 * `change` comes before that.
 */
export function forging(
  honest: HonestEngine,
  sink: EngineSink,
  begin: (sink: EngineSink) => EngineRun,
  change: (evidence: Evidence) => Evidence = (same) => same,
): EngineRun {
  let forged: Evidence | undefined
  const end = async (reason: string): Promise<void> => {
    try {
      const evidence = run.evidence?.()
      forged = evidence && (await forge(honest, change(evidence)))
      sink.finish(reason)
    } catch (error) {
      sink.fail(providerFault('forgery', String(error)))
    }
  }
  const run = begin({
    data: (bytes) => sink.data(bytes),
    fail: (error) => sink.fail(error),
    finish: (reason) => void end(reason),
  })
  return { ...run, evidence: () => forged }
}

async function forge(honest: HonestEngine, evidence: Evidence): Promise<Evidence> {
  const { sampler, transcript } = evidence
  const order = {
    model: demoModel().id,
    prompt: transcript.prompt,
    output: transcript.positions.map(({ id }) => id),
  }
  const scored = await honest.score(order, new AbortController().signal)
  const positions = scored.map((position) => claimedOf(position, sampler))
  return { ...evidence, spec: honest.spec, transcript: { ...transcript, positions } }
}

/** What llama.cpp would have listed of a place: what its cuts leave; and the token itself, whatever it is. */
function claimedOf({ id, logprob, top }: Position, sampler: Claim['sampler']): Position {
  const kept = sampler.temperature === 0 ? [...top] : cut(top, sampler)
  if (!kept.some((candidate) => candidate.id === id)) kept.push({ id, logprob })
  const logSum = Math.log(weightOf(kept))
  const normalised = (one: number): number => Math.min(0, Math.fround(one - logSum))
  const listed = kept.slice(0, MAX_CANDIDATES)
  return {
    id,
    logprob: normalised(logprob),
    top: listed.map((candidate) => ({ ...candidate, logprob: normalised(candidate.logprob) })),
  }
}

function cut(top: readonly Candidate[], sampler: Claim['sampler']): Candidate[] {
  const first = top.slice(0, sampler.top_k > 0 ? sampler.top_k : top.length)
  const least = (first[0]?.logprob ?? 0) + Math.log(sampler.min_p)
  const whole = weightOf(first)
  let before = 0
  return first.filter(({ logprob }, rank) => {
    const isKept = rank === 0 || (before < sampler.top_p * whole && logprob >= least)
    before += Math.exp(logprob)
    return isKept
  })
}

const weightOf = (candidates: readonly Candidate[]): number =>
  candidates.reduce((sum, { logprob }) => sum + Math.exp(logprob), 0)
