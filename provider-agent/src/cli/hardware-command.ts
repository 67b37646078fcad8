import type { Hardware } from '@infernet/schemas/hardware'
import type { Command } from 'commander'
import { AmdReader } from '../hardware/amd-reader.ts'
import { readingsFor } from '../hardware/amd-reading.ts'
import { commandRunner } from '../hardware/command-runner.ts'
import { readGpus, type GpuReading } from '../hardware/gpu-reading.ts'
import { PROBE_TIMEOUT_MS } from '../hardware/hardware-limits.ts'
import { kernelFiles } from '../hardware/kernel-files.ts'
import { probeThisMachine } from '../hardware/probe.ts'
import { hintFor } from '../hardware/trouble-hints.ts'
import { ALL_BITS, billionsIn, placesFor } from '../hardware/what-fits.ts'
import { JSON_OPTION } from './control-asks.ts'
import { hardwareText, type HardwareReport } from './hardware-text.ts'
import { terminal } from './terminal.ts'

/** Adds `hardware` to the program. */
export function addHardwareCommand(program: Command): void {
  program
    .command('hardware')
    .description('show the GPUs, the processor, and what models fit')
    .option(...JSON_OPTION)
    .action(async ({ json }: { json?: boolean }) => {
      const spinner = terminal(process.stderr)
      if (json !== true) spinner.spin('looking at the hardware')
      const report = await look()
      spinner.spin(undefined)
      console.log(json ? JSON.stringify(report) : hardwareText(report))
    })
}

type Now = HardwareReport['now'][number]

async function nvidiaNow({ gpus }: Hardware): Promise<Now[]> {
  if (!gpus.some(({ vendor }) => vendor === 'nvidia')) return []
  const { readings } = await readGpus(commandRunner({ timeoutMs: PROBE_TIMEOUT_MS }))
  return readings.map((reading) => nowOf('nvidia', reading.name, reading))
}

async function amdNow({ gpus }: Hardware): Promise<Now[]> {
  const cards = gpus.filter(({ vendor }) => vendor === 'amd')
  if (cards.length === 0) return []
  const readings = readingsFor(cards, await new AmdReader(kernelFiles).read())
  return cards.map(({ name }, n) => nowOf('amd', name, readings[n]))
}

const nowOf = (
  vendor: Now['vendor'],
  name: string,
  reading: Partial<GpuReading> | undefined,
): Now => ({
  vendor,
  name,
  temperature_c: reading?.temperatureC ?? null,
  vram_used_mib: reading?.usedMib ?? null,
  power_w: reading?.powerW ?? null,
  busy_percent: reading?.busyPercent ?? null,
})

async function look(): Promise<HardwareReport> {
  const troubles: HardwareReport['troubles'][number][] = []
  const hardware = await probeThisMachine((message) => {
    troubles.push({ message, next_step: hintFor(message) })
  })
  return {
    ...hardware,
    now: [...(await nvidiaNow(hardware)), ...(await amdNow(hardware))],
    fits: placesFor(hardware).map(({ what, mib }) => ({
      where: what,
      memory_mib: mib,
      billions: ALL_BITS.map((bits) => ({ bits, up_to: billionsIn(mib, bits) })),
    })),
    troubles,
  }
}
