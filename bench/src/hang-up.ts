import { get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { monotonicMicros } from './clock.ts'
import { addReason, askFor } from './closed-loop.ts'
import { type Ask, sendAsk } from './exchange.ts'
import type { HangUpPlan, HangUpReport } from './load-plan.ts'
import { createStreamReader } from './stream-reader.ts'

/** How often the engine is asked whether it noticed; its own clock tells when, so this adds no error. */
const POLL_MS = 20

/** The engine's stream is over at the latest after this: 200 chunks at 10 ms take about 2.3 s. */
const PATIENCE_MS = 6_000

const engineStats = z.object({
  completed: z.number(),
  aborted: z.number(),
  lastAbortAtUs: z.number(),
  chunksSentOfLast: z.number(),
})
type EngineStats = z.infer<typeof engineStats>

/** Opens streams one by one, hangs up in the middle of each, and asks the engine when it noticed. */
export async function runHangUps(plan: HangUpPlan): Promise<HangUpReport> {
  const noticedAfterUs: (number | null)[] = []
  const chunksSent: number[] = []
  const reasons: string[] = []
  const ask = askFor(plan, 1, false)
  for (let attempt = 0; attempt < plan.attempts; attempt += 1) {
    const before = await readStats(plan.statsUrl)
    try {
      const hungUpAtUs = await hangUpMidStream(ask, plan.hangUpAfterChunks)
      const after = await statsAfterStream(plan.statsUrl, before)
      const noticed = after.aborted > before.aborted
      noticedAfterUs.push(noticed ? after.lastAbortAtUs - hungUpAtUs : null)
      chunksSent.push(after.chunksSentOfLast)
    } catch (error) {
      addReason(reasons, error instanceof Error ? error.message : String(error))
    }
  }
  ask.agent.destroy()
  return { noticedAfterUs, chunksSent, failures: plan.attempts - chunksSent.length, reasons }
}

/** Resolves with the time of the hang-up; rejects when the stream ends before that. */
function hangUpMidStream(ask: Ask, afterChunks: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const reader = createStreamReader(false)
    const request = sendAsk(ask, (response) => {
      response.on('error', () => undefined) // our own hang-up
      response.on('end', () => reject(new Error(`the stream ended (${response.statusCode})`)))
      response.on('data', (part: Buffer) => {
        reader.push(part, () => undefined)
        if (reader.chunks < afterChunks || request.destroyed) return
        resolve(monotonicMicros())
        request.destroy()
      })
    })
    request.on('error', reject)
  })
}

async function statsAfterStream(url: string, before: EngineStats): Promise<EngineStats> {
  const giveUpAtUs = monotonicMicros() + PATIENCE_MS * 1_000
  while (monotonicMicros() < giveUpAtUs) {
    const stats = await readStats(url)
    if (stats.aborted + stats.completed > before.aborted + before.completed) return stats
    await sleep(POLL_MS)
  }
  throw new Error('the engine neither finished nor saw the hang-up')
}

async function readStats(url: string): Promise<EngineStats> {
  const parts: Buffer[] = []
  await new Promise<void>((resolve, reject) => {
    get(url, (response) => {
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('end', resolve)
      response.on('error', reject)
    }).on('error', reject)
  })
  return engineStats.parse(JSON.parse(Buffer.concat(parts).toString()))
}
