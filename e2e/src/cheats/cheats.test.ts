import { claimOf } from '@infernet/provider-agent/claims/claim'
import { TranscriptStore } from '@infernet/provider-agent/claims/transcript-store'
import type { EngineRequest, EngineRun } from '@infernet/provider-agent/engines/engine'
import { LlamaCppEngine } from '@infernet/provider-agent/engines/llama-cpp/llama-cpp'
import { demoModel } from '@infernet/provider-agent/engines/model-file'
import type { ReceiptStatement } from '@infernet/schemas/receipt'
import { decodeTranscript, type Claim, type Transcript } from '@infernet/schemas/transcript'
import type { Calibration } from '@infernet/verification/evidence/calibration'
import { suspicionOf } from '@infernet/verification/evidence/suspicion'
import { nextWealth, STARTING_WEALTH } from '@infernet/verification/evidence/wealth'
import {
  judgeClaim,
  judgeScores,
  unopened,
  type DeliveredAnswer,
  type Judgement,
} from '@infernet/verification/verdict/judge'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { corrupt } from './cheat.ts'
import { CHEATS, type CheatName } from './cheats.ts'
import { layerOf } from './layer.ts'

const MOST_REQUESTS = 24
const MAX_TOKENS = 48

/** What `infernet-agent calibrate --slots 1` finds of the demo model: nearly no noise. */
const MEASURED: Calibration = {
  v: 1,
  requests: 200,
  tokens: 4_757,
  excess: [{ above: 0, rate: 0.001 }],
  lpDifference: [{ above: 0.005, rate: 0.01 }],
}

describe('a cheat, judged as the edge does', () => {
  let honest: LlamaCppEngine
  beforeAll(async () => {
    honest = new LlamaCppEngine({ files: [demoModel()], slots: 1, gpu: false }, Date.now)
    await honest.start({ modelsChanged: () => {}, trouble: () => {} })
  })
  afterAll(() => honest.close())

  const engineOf = (): Parameters<typeof corrupt>[0] => ({
    models: honest.models,
    begin: honest.begin.bind(honest),
    score: honest.score.bind(honest),
    close: async () => {},
  })

  /** One answer's verdict with all layers, or the first that fails it. */
  async function judged(engine: ReturnType<typeof engineOf>, seed: number): Promise<Judgement> {
    const request = requestOf(seed)
    const { run, answer } = await ask(engine, request)
    const evidence = run.evidence?.()
    if (evidence === undefined) throw new Error('Nothing is claimed')
    const claim = claimOf(evidence)
    const opened = opening(evidence.transcript)
    if (opened === undefined) return unopened('its transcript is gone')
    const output = opened.positions.map(({ id }) => id)
    const rendering = { verifier: 'us', ...(await rendered(request, output)) }
    const first = judgeClaim(answer, statementOf(run, claim), opened, rendering)
    if (first.verdict === 'fail') return first
    const order = { model: request.model, prompt: opened.prompt, output }
    const scored = await honest.score(order, new AbortController().signal)
    const scores = { opened, scored, verifier: 'us', calibration: MEASURED }
    return judgeScores(first, claim, scores)
  }

  const rendered = (request: EngineRequest, output: readonly number[]) =>
    honest.render({ ...request, output }, new AbortController().signal)

  /** The layer that finds it within some requests, by one answer or by all of them. */
  async function found(name?: CheatName): Promise<number | undefined> {
    const engine = engineOf()
    if (name !== undefined) await corrupt(engine, CHEATS[name])
    let wealth = STARTING_WEALTH
    try {
      for (let seed = 1; seed <= MOST_REQUESTS; seed++) {
        const judgement = await judged(engine, seed)
        wealth = nextWealth(wealth, judgement.logE)
        const { verdict } = judgement
        const isFound = verdict === 'fail' || verdict === 'unopened'
        if (isFound || suspicionOf(wealth) === 'accused') return layerOf(judgement)
      }
      return undefined
    } finally {
      await engine.close()
    }
  }

  it('is not found where there is none', async () => {
    expect(await found()).toBeUndefined()
  })

  it.each([
    ['inflated', 0],
    ['other-text', 0],
    ['silent', 0],
    ['dropped-prompt', 0],
    ['hot', 1],
    ['small-forger', 1],
    ['own-seed', 2],
    ['intermittent', 2],
    ['low-bit', 2],
    ['short', 2],
  ] as const)('is found: %s, by layer %i at the latest', async (name, latest) => {
    expect(await found(name)).toBeLessThanOrEqual(latest)
  })
})

/** Anything gone on with at random, which the seed decides; and what the model knows. */
const BODIES = [
  {
    prompt: 'Whoever asks the lighthouse in winter is told that',
    temperature: 1.5,
    top_k: 20,
    top_p: 1,
    min_p: 0,
  },
  {
    messages: [{ role: 'user', content: 'What is Infernet, and who gets paid for it?' }],
    temperature: 0.8,
  },
]

function requestOf(seed: number): EngineRequest {
  const body = { model: 'infernet-demo', ...BODIES[seed % BODIES.length] }
  return {
    endpoint: 'prompt' in body ? 'completions' : 'chat.completions',
    continues: false,
    model: body.model,
    seed,
    stream: false,
    include_usage: false,
    max_output_tokens: MAX_TOKENS,
    body: Buffer.from(JSON.stringify(body)),
  }
}

async function ask(
  engine: Pick<LlamaCppEngine, 'begin'>,
  request: EngineRequest,
): Promise<{ readonly run: EngineRun; readonly answer: DeliveredAnswer }> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let bytes = ''
  const run = engine.begin(request, {
    data: (chunk) => (bytes += Buffer.from(chunk).toString()),
    finish: resolve,
    fail: ({ message }) => reject(new Error(message)),
  })
  const finishReason = await promise
  const answer = {
    body: request.body,
    seed: request.seed,
    finishReason,
    maxOutputTokens: request.max_output_tokens,
    contentBytes: undefined,
    text: textOf(bytes),
    ttftMs: 10,
    totalMs: 1_000,
  }
  return { run, answer }
}

/** What a client reads in an answer that is not streamed. */
function textOf(json: string): string {
  const { choices } = JSON.parse(json) as {
    choices: { text?: string; message?: { content: string } }[]
  }
  return choices[0]?.text ?? choices[0]?.message?.content ?? ''
}

/** What an agent's store shows of it. */
function opening(transcript: Transcript): Transcript | undefined {
  const store = new TranscriptStore({ maxBytes: 1e6, maxAgeMs: 1e6, now: () => 0 })
  store.keep('lease', transcript)
  const bytes = store.open('lease')
  return bytes && decodeTranscript(bytes)
}

/** The part of a receipt that is judged. */
const statementOf = (run: EngineRun, claim: Claim) =>
  ({ usage: run.usage(), claim }) as ReceiptStatement & { readonly claim: Claim }
