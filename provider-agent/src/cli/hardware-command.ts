import { writeFile } from 'node:fs/promises'
import type { Hardware } from '@infernet/schemas/hardware'
import type { Command } from 'commander'
import { errorMessage } from '../error-message.ts'
import { EXIT, OwnerError } from '../exit-codes.ts'
import { AmdReader, runsModels, type AmdCardSeen } from '../hardware/amd-reader.ts'
import { readingsFor } from '../hardware/amd-reading.ts'
import { commandRunner, type CommandRunner } from '../hardware/command-runner.ts'
import { countedGpus } from '../hardware/counted-gpus.ts'
import { readGpus, type GpuReading } from '../hardware/gpu-reading.ts'
import { PROBE_TIMEOUT_MS } from '../hardware/hardware-limits.ts'
import { hostFacts } from '../hardware/host-facts.ts'
import { probeHardware } from '../hardware/probe.ts'
import { Recording } from '../hardware/recording.ts'
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
    .option(
      '--record <file>',
      'also write what the drivers’ tools say, without the numbers of cards',
    )
    .option(...JSON_OPTION)
    .action(async ({ json, record }: { json?: boolean; record?: string }) => {
      const spinner = terminal(process.stderr)
      if (json !== true) spinner.spin('looking at the hardware')
      const recording = new Recording(commandRunner({ timeoutMs: PROBE_TIMEOUT_MS }))
      const report = await look(recording.run)
      spinner.spin(undefined)
      console.log(json ? JSON.stringify(report) : hardwareText(report))
      if (record !== undefined) await keep(recording.text, record)
    })
}

type Now = HardwareReport['now'][number]

/** NVIDIA's and AMD's GPUs of `gpus` as they are now. */
async function nowOfAll(
  { gpus }: Hardware,
  seen: readonly AmdCardSeen[],
  run: CommandRunner,
): Promise<Now[]> {
  const hasNvidia = gpus.some(({ vendor }) => vendor === 'nvidia')
  const nvidia = hasNvidia ? (await readGpus(run)).readings : []
  const amd = seen.flatMap(({ reading }) => reading ?? []).filter(runsModels)
  const counted = new Set(countedGpus([...nvidia, ...amd]))
  const cards = gpus.filter(({ vendor }) => vendor === 'amd')
  const readings = readingsFor(
    cards,
    amd.filter((reading) => counted.has(reading)),
  )
  return [
    ...nvidia.map((reading) => nowOf('nvidia', reading.name, reading)),
    ...cards.map(({ name }, n) => nowOf('amd', name, readings[n])),
  ]
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

/** Throws `OwnerError` where the file cannot be written, or is there already. */
async function keep(text: string, file: string): Promise<void> {
  try {
    await writeFile(file, text, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    const reason = `cannot write ${file}: ${errorMessage(error)}`
    throw new OwnerError(EXIT.usage, `${reason}. Name another with --record FILE`)
  }
  console.error(`wrote ${file}`)
}

async function look(run: CommandRunner): Promise<HardwareReport> {
  const troubles: HardwareReport['troubles'][number][] = []
  // Both the probe and what is now; one that hangs is waited for once.
  const amd = new AmdReader().look()
  const hardware = await probeHardware(
    run,
    hostFacts(),
    () => amd,
    (message) => {
      troubles.push({ message, next_step: hintFor(message) })
    },
  )
  return {
    ...hardware,
    now: await nowOfAll(hardware, await amd, run),
    fits: placesFor(hardware).map(({ what, mib }) => ({
      where: what,
      memory_mib: mib,
      billions: ALL_BITS.map((bits) => ({ bits, up_to: billionsIn(mib, bits) })),
    })),
    troubles,
  }
}
