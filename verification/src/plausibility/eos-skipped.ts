import type { AnswerUnderCheck } from './answer-under-check.ts'
import { reporter, type Check } from './finding.ts'
import { alarmNats } from './surprise.ts'

const found = reporter('eos_skipped')

/** Candidates nearer than this may swap in the rounding, nats. */
const NEAR_TIE_NATS = 0.01

/**
 * The answer did not go on where it should have ended, to bill more. Targon flags any token to which EOS was
 * preferable by a factor; honest draws at temperature 1 make some of those, so here the chances of never having
 * drawn the EOS are multiplied over the answer. Only positions count where EOS is the likeliest: no cut removes
 * it there, and no temperature up to 1 makes it less likely, so the bound holds whatever the other settings. Says
 * nothing above temperature 1 or where other things steer the draw.
 */
export const eosSkipped: Check = (answer, { falseAlarm }) => {
  const { sampling, plainSampling } = answer
  if (!plainSampling || sampling.temperature > 1) return []
  const nats = skippedNats(answer)
  if (nats < alarmNats(falseAlarm)) return []
  return [found.suspicious(`EOS was passed over at odds of ${nats.toFixed(1)} nats`)]
}

/** -ln of the chance that no EOS was drawn where it was the likeliest. */
function skippedNats({ positions, eosIds, sampling }: AnswerUnderCheck): number {
  let nats = 0
  for (const { id, logprob, top } of positions) {
    const likeliest = top[0]
    if (likeliest === undefined || !eosIds.includes(likeliest.id) || eosIds.includes(id)) continue
    if (sampling.temperature > 0) nats -= Math.log1p(-Math.exp(Math.min(0, likeliest.logprob)))
    else if (likeliest.logprob - logprob > NEAR_TIE_NATS) return Infinity
  }
  return nats
}
