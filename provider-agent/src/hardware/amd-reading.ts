import type { Gpu } from '@infernet/schemas/hardware'
import { DRM } from './amd-cards.ts'
import type { GpuReading } from './gpu-reading.ts'
import type { KernelFiles } from './kernel-files.ts'
import { wholeNumber } from './smi-rows.ts'

const MIB = 1024 * 1024
/** The die, and its hottest spot, which some cards for data centres tell alone. The memory has its own limits. */
const SENSORS = ['edge', 'junction'] as const
const MAX_SENSORS = 3
/** The voltage of the processor's memory controller, which graphics cards do not have. */
const OF_A_PROCESSOR = 'vddnb'

/** How an AMD card is at a moment, as the kernel's driver says. */
export interface AmdReading extends Omit<GpuReading, 'idSha256'> {
  /** Its serial number, as the driver writes it. */
  readonly serial: string | undefined
}

/** A file of a card's, or of its sensors'. */
type Card = (file: string) => Promise<string | undefined>

/**
 * How `card`, such as `card0`, is now: no tool is started, and none need be installed. Never ends while its driver hangs.
 * One file is read after the other, so that this keeps one thread.
 */
export async function readAmdCard(files: KernelFiles, name: string): Promise<AmdReading> {
  const folder = `${DRM}/${name}/device`
  const card: Card = (file) => files.read(`${folder}/${file}`)
  const monitor = (await files.list(`${folder}/hwmon`)).find((one) => /^hwmon\d+$/.test(one))
  const sensor: Card = async (file) =>
    monitor === undefined ? undefined : card(`hwmon/${monitor}/${file}`)
  return {
    name: (await card('product_name')) || `AMD GPU ${(await card('device')) ?? ''}`.trim(),
    serial: await card('unique_id'),
    isIntegrated: (await sensor('in1_label')) === OF_A_PROCESSOR,
    temperatureC: await temperatureOf(sensor),
    usedMib: mibOf(await card('mem_info_vram_used')),
    totalMib: mibOf(await card('mem_info_vram_total')),
    powerW: await powerOf(sensor),
    busyPercent: wholeNumber(await card('gpu_busy_percent'), 100),
  }
}

/** Which sensor is which its label says; older drivers have one, and no labels. */
async function temperatureOf(sensor: Card): Promise<number | undefined> {
  const labels: (string | undefined)[] = []
  for (let n = 1; n <= MAX_SENSORS; n++) labels.push(await sensor(`temp${n}_label`))
  const number = SENSORS.map((name) => labels.indexOf(name) + 1).find((n) => n > 0)
  if (number === undefined && labels.some((label) => label !== undefined)) return undefined
  const thousandths = wholeNumber(await sensor(`temp${number ?? 1}_input`), 1_000_000)
  return thousandths === undefined ? undefined : Math.round(thousandths / 1000)
}

/** Cards tell their mean, or what they draw now, or both; in millionths of a watt. */
async function powerOf(sensor: Card): Promise<number | undefined> {
  const said = (await sensor('power1_average')) ?? (await sensor('power1_input'))
  const millionths = wholeNumber(said, 1e11)
  return millionths === undefined ? undefined : Math.round(millionths / 1e6)
}

function mibOf(bytes: string | undefined): number | undefined {
  const number = wholeNumber(bytes, Number.MAX_SAFE_INTEGER)
  return number === undefined ? undefined : Math.floor(number / MIB)
}

/** For each of these cards its reading, by the card's number or, where as many are seen, by their order. */
export const readingsFor = (
  cards: readonly Pick<Gpu, 'id_sha256'>[],
  readings: readonly GpuReading[],
): readonly (GpuReading | undefined)[] =>
  cards.map(
    ({ id_sha256: id }, n) =>
      readings.find(({ idSha256 }) => id !== undefined && idSha256 === id) ??
      (readings.length === cards.length ? readings[n] : undefined),
  )
