import type { EngineKind } from '@infernet/openai-compat/parameter-table'
import { z } from 'zod'
import type { EngineLoad } from '../engine.ts'
import type { EngineConnection } from './engine-connection.ts'
import { readGauges, type GaugeReading } from './engine-gauges.ts'
import { askEngine, EngineQuestionError, parseJson } from './engine-question.ts'

/** Between two looks while our jobs run, and while none does. */
const BUSY_LOOK_MS = 5_000
const IDLE_LOOK_MS = 30_000
/** Until the next look at a server that does not say: somebody may have started it anew, with metrics. */
const MUTE_LOOK_MS = 300_000
/** What a loaded server does not say within this time would be old. */
const LOOK_TIMEOUT_MS = 2_000
/** vLLM's metrics with all their histograms are some 200 KB. */
const MAX_METRICS_BYTES = 2 * 1024 * 1024

export interface LoadWatchOptions {
  readonly connection: EngineConnection
  /** Our own requests that the server has now. */
  readonly ours: () => number
  /** It was started again: what it had cached is gone. */
  readonly onRestart: () => void
  /** For tests. */
  readonly lookMs?: number
}

/** llama-server's slots: an idle one has no tokens of a request. */
const slotsSchema = z
  .array(
    z.looseObject({
      n_ctx: z.int().positive(),
      is_processing: z.boolean(),
      /** Of the prompt and what was written behind it. */
      n_prompt_tokens: z.int().nonnegative().optional(),
    }),
  )
  .min(1)

/** One look: what of it belongs to others than us, and what waits. */
interface Look {
  readonly others: number
  readonly waiting: number
  readonly kvUse: number | undefined
}

/** Asks a server from time to time how full it is. Nothing waits for it. */
export class LoadWatch {
  readonly #options: LoadWatchOptions
  readonly #closing = new AbortController()
  #kind: EngineKind | undefined
  #timer: NodeJS.Timeout | undefined
  #looks: readonly Look[] = []
  #slots: number | undefined
  #written: number | undefined

  constructor(options: LoadWatchOptions) {
    this.#options = options
  }

  /** As it was at the last look; undefined where the server does not say. */
  get load(): EngineLoad | undefined {
    const [latest, before] = this.#looks
    if (latest === undefined) return undefined
    // Once is a job on its way; twice is somebody else.
    return {
      others: Math.min(latest.others, before?.others ?? 0),
      waiting: Math.min(latest.waiting, before?.waiting ?? 0),
      ...(latest.kvUse === undefined ? {} : { kvUse: latest.kvUse }),
    }
  }

  /** Requests that the server answers side by side, where it says. */
  get slots(): number | undefined {
    return this.#slots
  }

  /** The server is there: looks at once, and then from time to time. */
  start(kind: EngineKind): void {
    if (kind === this.#kind || this.#closing.signal.aborted) return
    this.stop()
    this.#kind = kind
    void this.#look(kind)
  }

  /** The server is gone. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#kind = undefined
    this.#looks = []
    this.#slots = undefined
    this.#written = undefined
  }

  close(): void {
    this.#closing.abort()
    this.stop()
  }

  async #look(kind: EngineKind): Promise<void> {
    const metrics = await this.#ask('/metrics')
    const slots = kind === 'llama-server' ? await this.#ask('/slots') : NO_PAGE
    if (this.#kind !== kind || this.#closing.signal.aborted) return
    const gauges = readGauges(metrics.body)
    const places = slotsIn(slots.body)
    const saysNothing = gauges === undefined && places === undefined
    // A full server may be too busy to say: what it said before is then nearer than nothing.
    const isSilent = saysNothing && (metrics === SILENCE || slots === SILENCE)
    if (!isSilent) this.#take(gauges, places)
    // Stopped by who was told of a restart.
    if (this.#kind !== kind) return
    const { ours, lookMs } = this.#options
    const isMute = saysNothing && !isSilent
    const usual = isMute ? MUTE_LOOK_MS : ours() > 0 ? BUSY_LOOK_MS : IDLE_LOOK_MS
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#look(kind), lookMs ?? usual)
  }

  #take(gauges: GaugeReading | undefined, places: Places | undefined): void {
    this.#slots = places?.total ?? this.#slots
    const running = gauges?.running ?? places?.busy
    if (running === undefined) {
      this.#looks = []
      return
    }
    const waiting = gauges?.waiting ?? 0
    const others = Math.max(0, running + waiting - this.#options.ours())
    const look = { others, waiting, kvUse: gauges?.kvUse ?? places?.kvUse }
    this.#looks = [look, ...this.#looks].slice(0, 2)
    const [now, before] = [gauges?.written, this.#written]
    this.#written = now
    if (now !== undefined && before !== undefined && now < before) this.#options.onRestart()
  }

  /** What is beside `/v1`. */
  async #ask(path: string): Promise<Page> {
    try {
      const { status, body } = await askEngine(this.#options.connection, {
        path,
        isBeside: true,
        probes: true,
        silenceMs: LOOK_TIMEOUT_MS,
        maxBytes: MAX_METRICS_BYTES,
        signal: AbortSignal.any([this.#closing.signal, AbortSignal.timeout(LOOK_TIMEOUT_MS)]),
      })
      return status === 200 ? { body } : NO_PAGE
    } catch (error) {
      if (error instanceof EngineQuestionError) return SILENCE
      throw error
    }
  }
}

interface Page {
  readonly body: string
}
/** The server has said that there is none, and has said nothing. */
const NO_PAGE: Page = { body: '' }
const SILENCE: Page = { body: '' }

interface Places {
  readonly total: number
  readonly busy: number
  readonly kvUse: number
}

function slotsIn(body: string): Places | undefined {
  const { data } = slotsSchema.safeParse(parseJson(body))
  if (data === undefined) return undefined
  const busy = data.filter(({ is_processing }) => is_processing)
  const held = busy.reduce((sum, { n_prompt_tokens }) => sum + (n_prompt_tokens ?? 0), 0)
  const room = data.reduce((sum, { n_ctx }) => sum + n_ctx, 0)
  return { total: data.length, busy: busy.length, kvUse: Math.min(1, held / room) }
}
