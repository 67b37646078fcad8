import pc from 'picocolors'
import type { Gpu, Hardware } from '@infernet/schemas/hardware'
import type { Bits, Place } from '../hardware/what-fits.ts'
import { columns } from './columns.ts'

/** What `hardware --json` says. */
export interface HardwareReport extends Hardware {
  /** NVIDIA's and AMD's GPUs, of each in the order of `gpus`. */
  readonly now: readonly {
    readonly vendor: 'nvidia' | 'amd'
    readonly name: string
    readonly temperature_c: number | null
    readonly vram_used_mib: number | null
    readonly power_w: number | null
    readonly busy_percent: number | null
  }[]
  readonly fits: readonly {
    readonly where: Place['what']
    readonly memory_mib: number
    readonly billions: readonly { readonly bits: Bits; readonly up_to: number }[]
  }[]
  readonly troubles: readonly { readonly message: string; readonly next_step: string }[]
}

const PLACES: Readonly<Record<Place['what'], string>> = {
  gpu: 'one GPU',
  all_gpus: 'all GPUs together',
  cpu: 'main memory',
}
const NOTHING = '-'

/** The same for people. */
export function hardwareText(report: HardwareReport): string {
  const { gpus, troubles } = report
  const parts = [
    gpus.length === 0 ? 'no GPU found' : gpuTable(report),
    machineLines(report),
    fitTable(report),
    ...troubles.map(
      ({ message, next_step }) => `${pc.yellow('!')} ${message}\n  ${pc.bold(next_step)}`,
    ),
  ]
  return parts.filter((part) => part !== '').join('\n\n')
}

function gpuTable({ gpus, now }: HardwareReport): string {
  const left = [...now]
  const next = ({ vendor }: Gpu): Now | undefined => {
    const at = left.findIndex((one) => one.vendor === vendor)
    return at < 0 ? undefined : left.splice(at, 1)[0]
  }
  const head = ['GPU', 'memory', 'bandwidth', 'driver', 'power', 'PCIe', 'now'].map(pc.dim)
  return columns([head, ...gpus.map((gpu) => gpuRow(gpu, nowOf(next(gpu))))], new Set([1, 2]))
}

const gpuRow = (gpu: Gpu, now: string): string[] => [
  `${gpu.name}${gpu.mig === undefined ? '' : ` (${gpu.mig.length} instances)`}`,
  gpu.vram_mib === undefined
    ? NOTHING
    : `${gib(gpu.vram_mib)}${gpu.unified === true ? ' shared' : ''}`,
  gpu.bandwidth_gb_s === undefined ? NOTHING : `${gpu.bandwidth_gb_s} GB/s`,
  gpu.driver ?? NOTHING,
  gpu.power_limit_w === undefined ? NOTHING : `${gpu.power_limit_w} W`,
  gpu.pcie_gen === undefined ? NOTHING : `${gpu.pcie_gen}.0 x${gpu.pcie_width ?? '?'}`,
  now,
]

type Now = HardwareReport['now'][number]

function nowOf(now: Now | undefined): string {
  if (now === undefined) return NOTHING
  const said = [
    now.temperature_c === null ? undefined : `${now.temperature_c} °C`,
    now.vram_used_mib === null ? undefined : `${gib(now.vram_used_mib)} used`,
    now.power_w === null ? undefined : `${now.power_w} W`,
    now.busy_percent === null ? undefined : `${now.busy_percent} % busy`,
  ].filter((part) => part !== undefined)
  return said.join(', ') || NOTHING
}

function machineLines({ cpu, memory_mib: mib }: HardwareReport): string {
  const features = cpu?.features.join(', ') ?? ''
  const words = [cpu?.name, cpu && `${cpu.threads} threads`, features, mib && `${gib(mib)} memory`]
  return words.filter((word) => word !== undefined && word !== '').join(', ')
}

function fitTable({ fits }: HardwareReport): string {
  const bits = fits[0]?.billions ?? []
  const head = ['models up to', ...bits.map(({ bits }) => `${bits} bits`)].map(pc.dim)
  const rows = fits.map(({ where, memory_mib, billions }) => [
    `in ${PLACES[where]} (${gib(memory_mib)})`,
    ...billions.map(({ up_to }) => (up_to === 0 ? NOTHING : `${up_to} B`)),
  ])
  return rows.length === 0 ? '' : columns([head, ...rows], new Set([1, 2, 3]))
}

const gib = (mib: number): string => `${(mib / 1024).toFixed(1)} GiB`
