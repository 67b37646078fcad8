import { generateKeyPairSync, sign } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NodeAccounts } from '@infernet/edge/hosts/node/node-accounts'
import { NodeSql } from '@infernet/edge/hosts/node/node-sql'
import { UNLIMITED, type HoldRequest } from '@infernet/edge/ports'
import { parseChatRequest } from '@infernet/openai-compat/chat-request'
import { meterAnswer, withUsage } from '@infernet/openai-compat/completion-meter'
import { hashApiKey, newApiKey } from '@infernet/schemas/api-key'
import { leaseOf, newAccountId, newJobId, newRequestId } from '@infernet/schemas/ids'
import type { JobRecord } from '@infernet/schemas/job-record'
import { MAX_RECEIPTS_PER_BATCH } from '@infernet/schemas/limits'
import { peerIdOf } from '@infernet/schemas/peer-id'
import { batchToSign, encodeStatement, openBatch, toBase64Url } from '@infernet/schemas/receipt'
import { requestBody } from './load-plan.ts'
import { jsonAnswer } from './mock-answer.ts'
import { BENCH_MODEL } from './mock-engine.ts'
import { JOBS_AT_ONCE, SimulatedHub } from './simulated-hub.ts'

/** How long to measure. */
export interface StepsBudget {
  /** The least of so many rounds counts: whatever disturbs a round adds to it. */
  readonly rounds: number
  /** Requests per round of a step. */
  readonly requests: number
}

export const FULL_STEPS: StepsBudget = { rounds: 15, requests: 8_000 }
export const QUICK_STEPS: StepsBudget = { rounds: 5, requests: 2_000 }

/** One step of a JSON request at the edge, alone in this process and warm: processor µs per request. */
export interface StepCost {
  readonly name: string
  readonly us: number
}

/** A step; `run` does it for so many requests. */
interface Step {
  readonly name: string
  readonly run: (requests: number) => unknown
}

/** Requests that are under way together, as in the scenario with 32 clients. */
const CROWD = 32
const NOW = Date.UTC(2026, 0, 1)
const HOLD_MSAT = 1_000

/** Measures what the edge itself does for a request, step by step, without sockets and Postgres. */
export async function measureSteps(
  budget: StepsBudget,
  onStep: (text: string) => void,
): Promise<StepCost[]> {
  await using cleanup = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'bench-steps-'))
  cleanup.defer(() => rm(folder, { recursive: true, force: true }))
  const costs: StepCost[] = []
  for (const { name, run } of steps(join(folder, 'accounts.db'))) {
    onStep(`step: ${name}`)
    let least = Number.POSITIVE_INFINITY
    for (let round = 0; round <= budget.rounds; round++) {
      const before = process.cpuUsage()
      await run(budget.requests)
      const { user, system } = process.cpuUsage(before)
      if (round > 0) least = Math.min(least, (user + system) / budget.requests)
    }
    costs.push({ name, us: least })
  }
  return costs
}

function steps(database: string): Step[] {
  const ask = { model: BENCH_MODEL, stream: false, chunks: 1, gapMs: 0 }
  const [short, long] = [0, 64 * 1024].map((promptBytes) => requestBody({ ...ask, promptBytes }))
  const head = { id: 'chatcmpl-1', model: BENCH_MODEL, created: 1 }
  const answer = Buffer.from(jsonAnswer(head, { promptTokens: 10, completionTokens: 3 }, 0))
  const usage = { prompt_tokens: 10, completion_tokens: 3, total_tokens: 13 }
  const { secret } = newApiKey()
  const hub = new SimulatedHub(1)
  return [
    each('name it, and hash its key', () => [newRequestId(NOW), newJobId(NOW), hashApiKey(secret)]),
    each('read and check its body', () => parseChatRequest(short ?? Buffer.alloc(0))),
    each('the same with a prompt of 64 KB', () => parseChatRequest(long ?? Buffer.alloc(0))),
    each('read the answer, and put the billed usage in', () => {
      meterAnswer('chat.completions', answer)
      return withUsage(answer, usage)
    }),
    {
      name: 'match, lease, frame; the answer back, bill, record',
      run: (requests) => hub.run(requests / JOBS_AT_ONCE),
    },
    { name: 'hold, capture, commit; out of the outbox', run: ledger(database) },
    { name: 'open and check its receipt', run: receipts() },
  ]
}

const each = (name: string, once: () => unknown): Step => ({
  name,
  run: (requests) => {
    for (let i = 0; i < requests; i++) once()
  },
})

/** Holds and settles a crowd at a time; Postgres takes everything at once. */
function ledger(database: string): Step['run'] {
  const account = newAccountId(NOW)
  const { id: apiKeyId } = newApiKey()
  const accounts = new NodeAccounts({
    sql: new NodeSql(database),
    store: { writeLedgerEvents: () => Promise.resolve() },
    now: Date.now,
    onFlushError: (error) => {
      throw error
    },
  })
  return async (requests) => {
    await accounts.deposit(account, newRequestId(NOW), requests * HOLD_MSAT)
    for (let done = 0; done < requests; done += CROWD) {
      const jobs = Array.from({ length: CROWD }, () => newJobId(NOW))
      const hold: Omit<HoldRequest, 'job'> = {
        accountId: account,
        apiKeyId,
        amountMsat: HOLD_MSAT,
        tokens: 1,
        limits: { key: UNLIMITED, account: UNLIMITED },
        expiresAt: Date.now() + 60_000,
      }
      await Promise.all(jobs.map((job) => accounts.reserve({ ...hold, job })))
      await Promise.all(jobs.map((job) => accounts.settle(recordOf(job, account, apiKeyId))))
    }
    await accounts.flush()
  }
}

const recordOf = (
  id: ReturnType<typeof newJobId>,
  accountId: string,
  apiKeyId: string,
): JobRecord => ({
  id,
  accountId,
  apiKeyId,
  requestId: newRequestId(NOW),
  endpoint: 'chat.completions',
  model: BENCH_MODEL,
  generationId: 'chatcmpl-1',
  stream: false,
  status: 'completed',
  errorCode: null,
  finishReason: 'stop',
  providerId: null,
  lease: leaseOf(id, 1),
  attempts: 1,
  priorLegs: [],
  promptTokens: 10,
  completionTokens: 5,
  claimedTokens: 5,
  holdMsat: HOLD_MSAT,
  costMsat: 5,
  createdAt: NOW,
  firstByteMs: 5,
  totalMs: 6,
})

/** Full batches, each signed once. */
function receipts(): Step['run'] {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const peer = peerIdOf(publicKey.export({ format: 'der', type: 'spki' }).subarray(-32))
  const statements = Array.from({ length: MAX_RECEIPTS_PER_BATCH }, () => {
    const job = newJobId(NOW)
    return encodeStatement({
      v: 1,
      job,
      lease: leaseOf(job, 1),
      provider: peer,
      model: BENCH_MODEL,
      engine: 'openai-http',
      usage: { prompt_tokens: 10, completion_tokens: 5 },
      price: { prompt: 1, completion: 1 },
      finish_reason: 'stop',
      output_sha256: '0'.repeat(64),
      output_bytes: 700,
      started_at: NOW,
      ended_at: NOW,
    })
  })
  const batch = {
    signature: toBase64Url(sign(null, batchToSign(statements), privateKey)),
    statements: statements.map(toBase64Url),
  }
  return async (requests) => {
    for (let done = 0; done < requests; done += MAX_RECEIPTS_PER_BATCH) await openBatch(peer, batch)
  }
}

/** The steps as a section of the Markdown report. */
export function renderSteps(costs: readonly StepCost[]): string[] {
  if (costs.length === 0) return []
  return [
    '## What the edge itself does for a JSON request (`steps`)\n',
    '| step | CPU µs |',
    '|---|---:|',
    ...costs.map(({ name, us }) => `| ${name} | ${us.toFixed(1)} |`),
    '',
  ]
}
