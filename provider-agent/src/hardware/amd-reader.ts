import { amdCards } from './amd-cards.ts'
import { startAmdProcess, type StartAmdProcess } from './amd-process.ts'
import type { AmdReading } from './amd-reading.ts'
import { serialOf } from './amd-serial.ts'
import { cardHash } from './gpu-facts.ts'
import type { GpuReading } from './gpu-reading.ts'
import { COMMAND_TIMEOUT_MS, MIN_GPU_MIB } from './hardware-limits.ts'
import { kernelFiles } from './kernel-files.ts'

/** One of AMD's cards, as a look has found it. */
export interface AmdCardSeen {
  /** As the kernel calls it, such as `card0`. */
  readonly card: string
  /** Undefined where its driver does not answer. */
  readonly reading: GpuReading | undefined
  /** Sixteen hex digits. */
  readonly serial: string | undefined
}

export interface AmdReaderOptions {
  /** The cards that are there, such as `card0`. */
  readonly cards: () => Promise<readonly string[]>
  readonly start: StartAmdProcess
}

const OF_THIS_MACHINE: AmdReaderOptions = {
  cards: () => amdCards(kernelFiles),
  start: startAmdProcess,
}

/** Whether it has the memory for a model, or does not say. */
export const runsModels = ({ totalMib }: GpuReading): boolean =>
  totalMib === undefined || totalMib >= MIN_GPU_MIB

/**
 * Looks at AMD's cards, as often as it is asked to. Each look is a process of its own, as with NVIDIA's; none is started
 * where there is no card.
 */
export class AmdReader {
  readonly #options: AmdReaderOptions
  /** A process has not gone: beside one that hangs no second one is started. */
  #isReading = false

  constructor(options = OF_THIS_MACHINE) {
    this.#options = options
  }

  /**
   * All cards, in the kernel's order. Takes {@link COMMAND_TIMEOUT_MS} at most to start a process and as much to read them,
   * and no longer than `signal` lets it. No card answers until a process that hung has gone.
   */
  async look(signal?: AbortSignal): Promise<readonly AmdCardSeen[]> {
    const cards = await this.#options.cards()
    const isIdle = cards.length > 0 && !this.#isReading && signal?.aborted !== true
    const readings = isIdle ? await this.#read(cards, signal) : undefined
    return cards.map((card) => seen(card, readings?.get(card)))
  }

  /** How those are that may run a model; none where one does not answer, as if all were gone. */
  async read(): Promise<readonly GpuReading[]> {
    const cards = await this.look()
    const readings = cards.flatMap(({ reading }) => reading ?? [])
    return readings.length < cards.length ? [] : readings.filter(runsModels)
  }

  async #read(
    cards: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<ReadonlyMap<string, AmdReading>> {
    const readings = new Map<string, AmdReading>()
    this.#isReading = true
    const reader = this.#options.start(cards, ({ card, reading }) => readings.set(card, reading))
    void reader.ended.then(() => (this.#isReading = false))
    await within(COMMAND_TIMEOUT_MS, [reader.begun, reader.ended], signal)
    await within(COMMAND_TIMEOUT_MS, [reader.ended], signal)
    reader.abandon()
    return readings
  }
}

/** Resolves with the first of `these`, after `ms`, or with `signal`. */
async function within(
  ms: number,
  these: readonly Promise<void>[],
  signal: AbortSignal | undefined,
): Promise<void> {
  if (signal?.aborted === true) return
  const { promise: late, resolve } = Promise.withResolvers<void>()
  const giveUp = (): void => resolve()
  const timer = setTimeout(giveUp, ms)
  signal?.addEventListener('abort', giveUp)
  await Promise.race([...these, late])
  clearTimeout(timer)
  signal?.removeEventListener('abort', giveUp)
}

function seen(card: string, reading: AmdReading | undefined): AmdCardSeen {
  if (reading === undefined) return { card, reading, serial: undefined }
  const { serial: written, ...rest } = reading
  const serial = serialOf(written)
  return { card, serial, reading: { ...rest, idSha256: serial && cardHash(serial) } }
}
