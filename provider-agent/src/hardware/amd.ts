import { z } from 'zod'
import type { Gpu } from '@infernet/schemas/hardware'
import { MAX_DRIVER_LENGTH, MAX_HARDWARE_NAME_LENGTH } from '@infernet/schemas/limits'
import type { AmdCardSeen } from './amd-reader.ts'
import { serialOf } from './amd-serial.ts'
import type { CommandRunner } from './command-runner.ts'
import { acceptable, cardHash } from './gpu-facts.ts'
import { cardFacts } from './gpu-table.ts'
import { MIN_GPU_MIB } from './hardware-limits.ts'
import { parseJson } from './json-output.ts'
import { visibleAmdCards, type AmdVisible } from './visible-cards.ts'

const MIB = 1024 * 1024

/** What is found of AMD's cards. */
export interface AmdFound {
  readonly gpus: readonly { readonly gpu: Gpu; readonly isIntegrated: boolean }[]
  /** Of cards that do not answer. */
  readonly troubles: readonly string[]
}

/**
 * AMD's cards that this agent's engines may use, from the first that tells of some: `rocm-smi`, `amd-smi`, and `seen`,
 * the kernel. The tools ask the same driver: where that does not answer for a card, they are not begun.
 */
export async function probeAmd(
  run: CommandRunner,
  seen: readonly AmdCardSeen[],
  visible: AmdVisible,
): Promise<AmdFound> {
  const kernel = seen.map(ofKernel)
  const silent = seen.flatMap(({ card, reading }) => (reading === undefined ? card : []))
  const told = silent.length > 0 ? undefined : await askTools(run)
  const shown = visibleAmdCards(told ?? kernel, visible)
  return {
    gpus: shown.flatMap((card) =>
      amdGpu(card).map((gpu) => ({
        gpu,
        isIntegrated: isIntegrated(card, told ?? kernel, kernel),
      })),
    ),
    troubles: silent.map((card) => `the driver of AMD's ${card} does not answer`),
  }
}

/** All cards, as the first tool has it that tells of one. */
async function askTools(run: CommandRunner): Promise<readonly AmdCard[] | undefined> {
  const rocm = await run('rocm-smi', [
    '--showproductname',
    '--showmeminfo',
    'vram',
    '--showuniqueid',
    '--json',
  ])
  const first = parseRocmSmi(rocm.stdout)
  if (first.some(isTold)) return first
  const second = parseAmdSmi((await run('amd-smi', ['static', '--json'])).stdout)
  return second.some(isTold) ? second : undefined
}

/** No tool says it: the kernel's card is that of the same number or, where as many are seen, in the same place. */
function isIntegrated(
  card: AmdCard,
  told: readonly AmdCard[],
  kernel: readonly AmdCard[],
): boolean {
  const same = kernel.find(({ serial }) => serial !== undefined && serial === card.serial)
  const there = told.length === kernel.length ? kernel[told.indexOf(card)] : undefined
  return (same ?? there)?.isIntegrated === true
}

const rocmSmiSchema = z.record(z.string(), z.record(z.string(), z.unknown()))

/** Keys are written differently from release to release. */
function parseRocmSmi(text: string): AmdCard[] {
  const cards = parseJson(rocmSmiSchema, text) ?? {}
  return Object.entries(cards).flatMap(([card, facts]) => {
    if (!/^card\d+$/.test(card)) return []
    const find = (...keys: string[]) => {
      const found = keys.map((key) => Object.entries(facts).find(([k]) => k.toLowerCase() === key))
      return found.map((entry) => textOf(entry?.[1])).find((text) => text !== undefined)
    }
    const bytes = find('vram total memory (b)')
    return {
      name: find('card series', 'device name', 'card model'),
      mib: bytes && Math.floor(Number(bytes) / MIB),
      serial: serialOf(find('unique id')),
    }
  })
}

const text = z.string().optional().catch(undefined)
const amdSmiCardSchema = z.object({
  asic: z.object({ market_name: text, asic_serial: text }).optional().catch(undefined),
  vram: z
    .object({ size: z.object({ value: z.number(), unit: z.string() }) })
    .optional()
    .catch(undefined),
  driver: z.object({ version: text }).optional().catch(undefined),
})
const amdSmiSchema = z.union([
  z.array(amdSmiCardSchema),
  z.object({ gpu_data: z.array(amdSmiCardSchema) }).transform(({ gpu_data }) => gpu_data),
])

/** A list of cards, or an object around it, as releases have it. */
function parseAmdSmi(stdout: string): AmdCard[] {
  return (parseJson(amdSmiSchema, stdout) ?? []).map(({ asic, vram, driver }) => {
    const perUnit = vram?.size.unit === 'GB' ? 1024 : 1
    return {
      name: textOf(asic?.market_name),
      mib: vram && Math.floor(vram.size.value * perUnit),
      serial: serialOf(textOf(asic?.asic_serial)),
      driver: textOf(driver?.version),
    }
  })
}

/** As the kernel's driver tells of it, without any tool. */
const ofKernel = ({ reading, serial }: AmdCardSeen): AmdCard => ({
  name: reading?.name,
  mib: reading?.totalMib,
  serial,
  isIntegrated: reading?.isIntegrated,
})

/** One of any kind: those that are not told are counted too, where the owner names cards by numbers. */
interface AmdCard {
  readonly name: string | undefined
  readonly mib: number | '' | undefined
  /** Sixteen hex digits. */
  readonly serial: string | undefined
  readonly driver?: string | undefined
  readonly isIntegrated?: boolean | undefined
}

const isTold = (card: AmdCard): boolean => amdGpu(card).length > 0

/** None for those that processors have for the screen, and for those of which nothing is known. */
function amdGpu({ name, mib, serial, driver }: AmdCard): Gpu[] {
  if (name === undefined || (typeof mib === 'number' && mib < MIN_GPU_MIB)) return []
  const facts = cardFacts(name, mib || undefined)
  return acceptable({
    vendor: 'amd',
    name: name.slice(0, MAX_HARDWARE_NAME_LENGTH),
    vram_mib: mib || undefined,
    id_sha256: serial && cardHash(serial),
    bandwidth_gb_s: facts.bandwidth,
    driver: driver?.slice(0, MAX_DRIVER_LENGTH),
  })
}

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value.trim() !== '' && value !== 'N/A' ? value.trim() : undefined
