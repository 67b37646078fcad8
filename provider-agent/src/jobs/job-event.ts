import type { AgentEvent, JobFacts } from '../events.ts'
import { earnedMsat } from '../price.ts'
import type { JobOutcome } from './job.ts'

/** Engines quote the request in what they say of it, and prompts are not kept here. */
const NOT_KEPT = 'the request was refused, and the client told why'

/** The log event that tells how a job ended. */
export function jobEvent(outcome: JobOutcome): AgentEvent {
  const { error, state } = outcome
  const facts = factsOf(outcome)
  if (error !== undefined) {
    const { fault, code, message } = error
    const kept = fault === 'request' ? NOT_KEPT : message
    return { event: 'job_failed', fault, code, message: kept, ...facts }
  }
  if (state === 'cancelled') return { event: 'job_cancelled', ...facts }
  return { event: state === 'lost' ? 'job_lost' : 'job_done', ...facts }
}

function factsOf({ header, usage, outputBytes, ttftMs, startedAt, endedAt }: JobOutcome): JobFacts {
  return {
    job: header.job,
    lease: header.lease,
    model: header.model,
    prompt_tokens: usage.prompt_tokens,
    completion_tokens: usage.completion_tokens,
    estimated: usage.estimated ?? false,
    ttft_ms: ttftMs,
    duration_ms: endedAt - startedAt,
    earned_msat: outputBytes === 0 ? 0 : earnedMsat(header.price, usage),
  }
}
