import type { CommandRunner } from './command-runner.ts'
import { querySmi } from './nvidia-smi.ts'
import { wholeNumber, type SmiRow } from './smi-rows.ts'

/** How a GPU is at a moment. What its driver does not say is undefined. */
export interface GpuReading {
  readonly name: string
  /** Of the card, as the edge is told it. */
  readonly idSha256?: string | undefined
  /** It is a part of the processor, and its memory a part of the main memory. */
  readonly isIntegrated?: boolean
  readonly temperatureC: number | undefined
  readonly usedMib: number | undefined
  readonly totalMib: number | undefined
  readonly powerW: number | undefined
  /** Share of the last second in which it computed, by whomever. */
  readonly busyPercent: number | undefined
}

/** What a driver is asked for at first; one that is too old for some is asked for fewer. */
export const READING_FIELDS: readonly string[] = [
  'name',
  'temperature.gpu',
  'memory.used',
  'memory.total',
  'power.draw',
  'utilization.gpu',
]

/** NVIDIA's GPUs as they are now, with the fields that may be asked for the next time. */
export async function readGpus(
  run: CommandRunner,
  fields = READING_FIELDS,
): Promise<{ readonly readings: readonly GpuReading[]; readonly fields: readonly string[] }> {
  const answer = await querySmi(run, fields)
  return { readings: answer?.rows.map(readingOf) ?? [], fields: answer?.fields ?? fields }
}

const readingOf = (row: SmiRow): GpuReading => ({
  name: row.get('name') ?? 'GPU',
  temperatureC: wholeNumber(row.get('temperature.gpu'), 1_000),
  usedMib: wholeNumber(row.get('memory.used'), 2 ** 24),
  totalMib: wholeNumber(row.get('memory.total'), 2 ** 24),
  powerW: wholeNumber(row.get('power.draw'), 1e5),
  busyPercent: wholeNumber(row.get('utilization.gpu'), 100),
})
