import type { Gpu } from '@infernet/schemas/hardware'
import {
  MAX_DRIVER_LENGTH,
  MAX_HARDWARE_NAME_LENGTH,
  MAX_MIG_INSTANCES,
} from '@infernet/schemas/limits'
import type { CommandRunner } from './command-runner.ts'
import { acceptable, cardHash } from './gpu-facts.ts'
import { cardFacts } from './gpu-table.ts'
import { migProfiles, querySmi } from './nvidia-smi.ts'
import { wholeNumber, type SmiRow } from './smi-rows.ts'
import { visibleCards } from './visible-cards.ts'

const FIELDS = [
  'name',
  'uuid',
  'memory.total',
  'compute_cap',
  'driver_version',
  'power.limit',
  'pcie.link.gen.max',
  'pcie.link.width.max',
  'mig.mode.current',
]

export interface Found {
  readonly gpus: readonly Gpu[]
  /** Words of a driver that could not answer. */
  readonly trouble?: string | undefined
}

/**
 * `memoryMib` is the machine's, for those GPUs that have none of their own; `visible` is `CUDA_VISIBLE_DEVICES`.
 */
export async function probeNvidia(
  run: CommandRunner,
  memoryMib: number | undefined,
  visible: string | undefined,
): Promise<Found> {
  const answer = await querySmi(run, FIELDS)
  if (answer === undefined) return { gpus: [] }
  const rows = visibleCards(answer.rows, visible)
  const isCut = rows.some((row) => row.get('mig.mode.current') === 'Enabled')
  const instances = isCut ? await migProfiles(run) : new Map<string, string[]>()
  const gpus = rows.flatMap((row) => gpuOf(row, instances, memoryMib))
  return { gpus, trouble: answer.trouble }
}

function gpuOf(
  row: SmiRow,
  instances: ReadonlyMap<string, string[]>,
  memoryMib: number | undefined,
): Gpu[] {
  const name = row.get('name')
  if (name === undefined) return []
  const number = (field: string) => wholeNumber(row.get(field), 1e7) || undefined
  const ownMib = number('memory.total')
  const facts = cardFacts(name, ownMib)
  const isUnified = ownMib === undefined && facts.unified === true
  const uuid = row.get('uuid')
  const mig = instances.get(uuid ?? '')
  const gpu = {
    vendor: 'nvidia',
    name: name.slice(0, MAX_HARDWARE_NAME_LENGTH),
    vram_mib: isUnified ? memoryMib : ownMib,
    ...(facts.unified === true ? { unified: true } : {}),
    id_sha256: uuid && cardHash(uuid),
    compute_capability: row.get('compute_cap'),
    cores: facts.cores,
    bandwidth_gb_s: facts.bandwidth,
    driver: row.get('driver_version')?.slice(0, MAX_DRIVER_LENGTH),
    power_limit_w: number('power.limit'),
    pcie_gen: number('pcie.link.gen.max'),
    pcie_width: number('pcie.link.width.max'),
    mig: mig?.slice(0, MAX_MIG_INSTANCES),
  }
  return acceptable(gpu)
}
