import type { Gpu } from '@infernet/schemas/hardware'
import { AMD_VENDOR, serialOf } from './amd.ts'
import { cardHash } from './gpu-facts.ts'
import type { GpuReading } from './gpu-reading.ts'
import { MIN_GPU_MIB } from './hardware-limits.ts'
import type { KernelFiles } from './kernel-files.ts'
import { wholeNumber } from './smi-rows.ts'

const MIB = 1024 * 1024
const DRM = '/sys/class/drm'
/** The die, and its hottest spot, which some cards for data centres tell alone. The memory has its own limits. */
const SENSORS = ['edge', 'junction'] as const
const MAX_SENSORS = 3
/** The voltage of the processor's memory controller, which graphics cards do not have. */
const OF_A_PROCESSOR = 'vddnb'

/** An AMD card, and the folder in which the kernel's driver tells of it. */
type Card = (file: string) => Promise<string | undefined>

/**
 * AMD's GPUs as they are now, as the kernel's driver says: no program is started, and none need be installed. Those
 * with too little memory for a model are left out. One file is read after the other, so that a card that hangs keeps one
 * of the few threads that read files, and not all.
 */
export async function readAmdGpus(files: KernelFiles): Promise<readonly GpuReading[]> {
  const names = await files.list(DRM)
  const numbers = names.flatMap((name) => /^card(\d+)$/.exec(name)?.[1] ?? [])
  const inOrder = numbers.map(Number).toSorted((a, b) => a - b)
  const found: GpuReading[] = []
  for (const number of inOrder) {
    found.push(...(await readingOf(files, `${DRM}/card${number}/device`)))
  }
  return found
}

async function readingOf(files: KernelFiles, folder: string): Promise<readonly GpuReading[]> {
  const card: Card = (file) => files.read(`${folder}/${file}`)
  if ((await card('vendor')) !== AMD_VENDOR) return []
  const totalMib = mibOf(await card('mem_info_vram_total'))
  if (totalMib !== undefined && totalMib < MIN_GPU_MIB) return []
  const monitor = (await files.list(`${folder}/hwmon`)).find((name) => /^hwmon\d+$/.test(name))
  const sensor: Card = async (file) =>
    monitor === undefined ? undefined : card(`hwmon/${monitor}/${file}`)
  const serial = serialOf(await card('unique_id'))
  return [
    {
      name: (await card('product_name')) || `AMD GPU ${(await card('device')) ?? ''}`.trim(),
      idSha256: serial && cardHash(serial),
      isIntegrated: (await sensor('in1_label')) === OF_A_PROCESSOR,
      temperatureC: await temperatureOf(sensor),
      usedMib: mibOf(await card('mem_info_vram_used')),
      totalMib,
      powerW: await powerOf(sensor),
      busyPercent: wholeNumber(await card('gpu_busy_percent'), 100),
    },
  ]
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
