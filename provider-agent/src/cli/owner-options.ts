import type { Command } from 'commander'
import type { EventLog } from '../events.ts'
import { AmdReader } from '../hardware/amd-reader.ts'
import { Availability } from '../hardware/availability.ts'
import { commandRunner } from '../hardware/command-runner.ts'
import { GpuWatch } from '../hardware/gpu-watch.ts'
import { HardwareRecord } from '../hardware/hardware-record.ts'
import { parseHours, type Hours } from '../hardware/hours.ts'
import { probeThisMachine } from '../hardware/probe.ts'
import type { RoomLimits } from '../hardware/room.ts'
import { hintFor } from '../hardware/trouble-hints.ts'
import { count } from './count.ts'

export interface OwnerFlags {
  readonly hours?: string
  readonly maxTemp?: number
  readonly maxWatts?: number
  readonly keepVram?: number
  readonly pauseWhenBusy?: boolean
  readonly keepLoaded?: boolean
  readonly hardware: boolean
}

/** Adds the options with which an owner keeps a machine for itself. */
export const addOwnerOptions = (command: Command): Command =>
  command
    .option('--hours <list>', 'when to take jobs, such as 22:00-08:00,weekends (default: always)')
    .option('--max-temp <celsius>', 'take no jobs while a GPU is as hot', count(150))
    .option('--max-watts <watts>', 'take no jobs while a GPU draws as much', count(10_000))
    .option('--keep-vram <MiB>', 'take no jobs while a GPU has less free', count(2 ** 24))
    .option('--pause-when-busy', 'take no jobs while somebody else uses a GPU')
    .option('--keep-loaded', 'keep the engine in memory outside of --hours and while a GPU is used')
    .option('--no-hardware', 'do not tell the edge what machine this is')

/** When jobs may come in; undefined: always. Throws HoursError. */
export const readHours = ({ hours }: OwnerFlags): Hours | undefined =>
  hours === undefined ? undefined : parseHours(hours)

/** What the flags ask of the machine: nothing is started before the agent runs, but the look at it. */
export function openOwnerSide(flags: OwnerFlags, hours: Hours | undefined, events: EventLog) {
  const trouble = (message: string): void => events.emit({ event: 'hardware_trouble', message })
  const watch = watchFor(flags, trouble)
  const isLimited = hours !== undefined || watch !== undefined
  const availability = { hours, watch, keepsLoaded: flags.keepLoaded }
  return {
    ...(isLimited ? { availability: new Availability(availability) } : {}),
    ...(flags.hardware ? { hardware: new HardwareRecord(lookAround(trouble)) } : {}),
  }
}

/** What the owner keeps of the GPUs; undefined: nothing, and nobody need look at them. */
export function roomLimitsOf(flags: OwnerFlags): RoomLimits | undefined {
  const limits: RoomLimits = {
    maxTemperatureC: flags.maxTemp,
    maxWatts: flags.maxWatts,
    keepFreeMib: flags.keepVram,
    pauseWhenBusy: flags.pauseWhenBusy,
  }
  return Object.values(limits).every((limit) => limit === undefined) ? undefined : limits
}

const BLIND = {
  all: 'no GPU of NVIDIA or AMD can be looked at: --max-temp, --max-watts, --keep-vram and --pause-when-busy do nothing until one can; try: infernet-agent hardware',
  some: 'GPUs cannot be looked at that were there before: a pause does not end until they can; try: infernet-agent hardware',
} as const

function watchFor(flags: OwnerFlags, trouble: (message: string) => void): GpuWatch | undefined {
  const limits = roomLimitsOf(flags)
  if (limits === undefined) return undefined
  const amd = new AmdReader()
  return new GpuWatch({
    run: commandRunner(),
    amd: () => amd.read(),
    limits,
    onBlind: (which) => trouble(BLIND[which]),
  })
}

const lookAround = (trouble: (message: string) => void) =>
  probeThisMachine((text) => trouble(`${text}; ${hintFor(text)}`))
