import type { SelfTestFault, SelfTestJson, SelfTestStage } from '@infernet/schemas/self-test'
import type { EdgeAskError } from '../edge-api/ask-edge.ts'
import { failed, ok, skipped, type Finding } from './check.ts'

const REACHED: Readonly<Record<SelfTestStage, string>> = {
  matched: 'matched',
  dispatched: 'dispatched',
  first_token: 'first token',
  end: 'end',
  receipt: 'receipt accepted',
}
const MISSED: Readonly<Record<SelfTestStage, string>> = {
  matched: 'not matched',
  dispatched: 'not taken',
  first_token: 'no first token',
  end: 'no end',
  receipt: 'receipt not accepted',
}

/** What is no fault of the provider's, and needs nothing but a later try. */
const PASSING: ReadonlySet<SelfTestFault> = new Set(['full', 'busy', 'verifier', 'draining'])

/** What to type; for `failed` and the like the check of the engine has said the rest. */
const FIXES: Readonly<Partial<Record<SelfTestFault, string>>> = {
  unreachable: 'try again in a minute; if it stays so, tell the operator of the edge',
  no_model: 'infernet-agent models says which models the agent has, and why none is offered',
  not_offered: 'infernet-agent earnings shows your standing at this edge',
  silent: 'infernet-agent logs: does the agent hang? start it anew',
  lost: 'infernet-agent logs says why the connection ended',
  no_receipt:
    'infernet-agent status says whether receipts wait; if they stay, tell the operator of the edge',
}
const ENGINE_FIX = 'see engine above; infernet-agent logs has the engine’s own words'

export interface SelfTestFindingOptions {
  /** Whether an agent with the same data runs here. */
  readonly isRunning: boolean
  /** The command that starts one. */
  readonly run: string
}

/** What a job of the edge's own has shown, stage by stage, and what to do where it ended too soon. */
export function selfTestFinding(
  report: SelfTestJson,
  { isRunning, run }: SelfTestFindingOptions,
): Finding {
  const { completion_tokens: tokens, failure, model, stages } = report
  const times = stages.map(({ stage, ms }) => `${REACHED[stage]} ${ms} ms`)
  const from = model === null ? [] : [`${model}: ${times.join(', ')}`]
  if (failure === null) return ok(`${from.join('')} (${tokens} tokens, unpaid)`)
  const { code, message, stage } = failure
  if (code === 'offline') {
    return isRunning
      ? failed(`the agent runs, and ${message}`, 'infernet-agent status says why')
      : skipped(`the agent is not at the edge: ${run}, then doctor once more`)
  }
  if (PASSING.has(code)) return skipped(`not tried to the end: ${message}`)
  return failed([...from, `${MISSED[stage]}: ${message}`].join('; '), FIXES[code] ?? ENGINE_FIX)
}

/** What it says that the edge made no self-test. */
export function noSelfTest({ code, message, status }: EdgeAskError): Finding {
  if (status === 404) return skipped('this edge gives no job to try; --client-key KEY pays for one')
  if (status === 429) return skipped(message)
  if (code === 'refused')
    return failed(message, 'see clock and edge, then infernet-agent doctor once more')
  return failed(message, 'see edge: connection; is something between that cuts long requests?')
}
