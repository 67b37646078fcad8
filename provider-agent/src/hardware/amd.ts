import { z } from 'zod'
import type { Gpu } from '@infernet/schemas/hardware'
import { MAX_DRIVER_LENGTH, MAX_HARDWARE_NAME_LENGTH } from '@infernet/schemas/limits'
import type { CommandRunner } from './command-runner.ts'
import { acceptable, cardHash } from './gpu-facts.ts'
import { cardFacts } from './gpu-table.ts'
import { MIN_GPU_MIB } from './hardware-limits.ts'
import type { HostFacts } from './host-facts.ts'
import { parseJson } from './json-output.ts'
import { wholeNumber } from './smi-rows.ts'
import { visibleAmdCards } from './visible-cards.ts'

const MIB = 1024 * 1024
/** As the kernel names it. */
export const AMD_VENDOR = '0x1002'

/**
 * AMD's cards that this agent's engines may use, from the first that tells of some: `rocm-smi`, `amd-smi`, the
 * kernel.
 */
export async function probeAmd(run: CommandRunner, host: HostFacts): Promise<readonly Gpu[]> {
  const rocm = await run('rocm-smi', [
    '--showproductname',
    '--showmeminfo',
    'vram',
    '--showuniqueid',
    '--json',
  ])
  const gpusOf = (cards: readonly AmdCard[]): Gpu[] =>
    visibleAmdCards(cards, host.amdVisible).flatMap(amdGpu)
  const first = parseRocmSmi(rocm.stdout)
  if (first.some(isTold)) return gpusOf(first)
  const second = parseAmdSmi((await run('amd-smi', ['static', '--json'])).stdout)
  return gpusOf(second.some(isTold) ? second : readKernel(host))
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

/** What the kernel's driver says without any tool. */
function readKernel(host: HostFacts): AmdCard[] {
  const numbers = host.list('/sys/class/drm').flatMap((it) => /^card(\d+)$/.exec(it)?.[1] ?? [])
  const inOrder = numbers.toSorted((a, b) => Number(a) - Number(b))
  return inOrder.flatMap((number) => {
    const read = (file: string) =>
      host.readText(`/sys/class/drm/card${number}/device/${file}`)?.trim()
    if (read('vendor') !== AMD_VENDOR) return []
    const mib = wholeNumber(read('mem_info_vram_total'), Number.MAX_SAFE_INTEGER)
    return {
      name: read('product_name') || `AMD GPU ${read('device') ?? ''}`.trim(),
      mib: mib && Math.floor(mib / MIB),
      serial: serialOf(read('unique_id')),
    }
  })
}

/** One of any kind: those that are not told are counted too, where the owner names cards by numbers. */
interface AmdCard {
  readonly name: string | undefined
  readonly mib: number | '' | undefined
  /** Sixteen hex digits. */
  readonly serial: string | undefined
  readonly driver?: string | undefined
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

/** The tools write one number in different ways: it is told apart by sixteen hex digits. */
export function serialOf(id: string | undefined): string | undefined {
  const digits = /^(?:0x)?([0-9a-f]{1,16})$/i.exec(id ?? '')?.[1]
  if (digits === undefined || /^0+$/.test(digits)) return undefined
  return digits.toLowerCase().padStart(16, '0')
}

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value.trim() !== '' && value !== 'N/A' ? value.trim() : undefined
