import type { Command } from 'commander'
import { commandRunner } from '../hardware/command-runner.ts'
import { readGpus } from '../hardware/gpu-reading.ts'
import { PROBE_TIMEOUT_MS } from '../hardware/hardware-limits.ts'
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

async function look(): Promise<HardwareReport> {
  const troubles: HardwareReport['troubles'][number][] = []
  const hardware = await probeThisMachine((message) => {
    troubles.push({ message, next_step: hintFor(message) })
  })
  const hasNvidia = hardware.gpus.some(({ vendor }) => vendor === 'nvidia')
  const run = commandRunner({ timeoutMs: PROBE_TIMEOUT_MS })
  const { readings } = hasNvidia ? await readGpus(run) : { readings: [] }
  return {
    ...hardware,
    now: readings.map((reading) => ({
      name: reading.name,
      temperature_c: reading.temperatureC ?? null,
      vram_used_mib: reading.usedMib ?? null,
      power_w: reading.powerW ?? null,
      busy_percent: reading.busyPercent ?? null,
    })),
    fits: placesFor(hardware).map(({ what, mib }) => ({
      where: what,
      memory_mib: mib,
      billions: ALL_BITS.map((bits) => ({ bits, up_to: billionsIn(mib, bits) })),
    })),
    troubles,
  }
}
