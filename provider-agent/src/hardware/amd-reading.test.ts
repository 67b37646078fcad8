import { describe, expect, it, vi, afterEach } from 'vitest'
import { amdCards } from './amd-cards.ts'
import type { StartAmdProcess } from './amd-process.ts'
import { AmdReader } from './amd-reader.ts'
import { readAmdCard, readingsFor } from './amd-reading.ts'
import type { CommandRunner } from './command-runner.ts'
import { cardHash } from './gpu-facts.ts'
import { GpuWatch } from './gpu-watch.ts'
import { COMMAND_TIMEOUT_MS, GPU_WATCH_INTERVAL_MS } from './hardware-limits.ts'
import type { KernelFiles } from './kernel-files.ts'
import type { RoomLimits } from './room.ts'

const DRM = '/sys/class/drm'
const GIB = 1024 ** 3

/** The files of a card, as the documentation of amdgpu has them: mostly thousandths, millionths and bytes. */
const RX_7900: Readonly<Record<string, string>> = {
  device: '0x744c\n',
  unique_id: '0b5e7d02c94a61f8\n',
  mem_info_vram_total: `${24 * GIB}\n`,
  mem_info_vram_used: `${3 * GIB}\n`,
  gpu_busy_percent: '97\n',
  'hwmon/hwmon4/name': 'amdgpu\n',
  'hwmon/hwmon4/temp1_input': '61000\n',
  'hwmon/hwmon4/temp1_label': 'edge\n',
  'hwmon/hwmon4/temp2_input': '83000\n',
  'hwmon/hwmon4/temp2_label': 'junction\n',
  'hwmon/hwmon4/temp3_input': '90000\n',
  'hwmon/hwmon4/temp3_label': 'mem\n',
  'hwmon/hwmon4/power1_average': '287000000\n',
}
/** For a data centre: no sensor of the die, and what it draws now. */
const MI300X: Readonly<Record<string, string>> = {
  device: '0x74a1\n',
  product_name: 'AMD Instinct MI300X OAM\n',
  mem_info_vram_total: `${192 * GIB}\n`,
  mem_info_vram_used: '297000000\n',
  gpu_busy_percent: '0\n',
  'hwmon/hwmon2/temp2_input': '44000\n',
  'hwmon/hwmon2/temp2_label': 'junction\n',
  'hwmon/hwmon2/temp3_input': '36000\n',
  'hwmon/hwmon2/temp3_label': 'mem\n',
  'hwmon/hwmon2/power1_input': '138400000\n',
}
const OLD = {
  device: '0x67df\n',
  mem_info_vram_total: `${8 * GIB}\n`,
  'hwmon/hwmon0/temp1_input': '-3000\n',
}
const GRAPHICS = {
  ...RX_7900,
  mem_info_vram_total: `${512 * 1024 ** 2}\n`,
  'hwmon/hwmon4/temp1_input': '95000\n',
}
/** Graphics of a Ryzen to which the firmware gives memory, and a desktop that uses it. */
const RYZEN: Readonly<Record<string, string>> = {
  device: '0x164e\n',
  mem_info_vram_total: `${2 * GIB}\n`,
  mem_info_vram_used: `${GIB}\n`,
  gpu_busy_percent: '90\n',
  'hwmon/hwmon3/temp1_input': '92000\n',
  'hwmon/hwmon3/temp1_label': 'edge\n',
  'hwmon/hwmon3/in0_label': 'vddgfx\n',
  'hwmon/hwmon3/in1_label': 'vddnb\n',
}
const INTEL = { driver: 'i915', 'hwmon/hwmon1/temp1_input': '99000\n' }

/** A kernel with these cards, by their numbers; it may be changed. */
function kernel(cards: Readonly<Record<number, Readonly<Record<string, string>>>>) {
  const all = new Map<string, string>(
    Object.entries(cards).flatMap(([number, files]) =>
      Object.entries({ driver: 'amdgpu', ...files }).map(
        ([file, text]) => [`${DRM}/card${number}/device/${file}`, text] as const,
      ),
    ),
  )
  const files: KernelFiles = {
    read: async (path) => all.get(path)?.trim(),
    list: async (path) => {
      const names = [...all.keys()].flatMap((file) =>
        file.startsWith(`${path}/`) ? (file.slice(path.length + 1).split('/')[0] ?? []) : [],
      )
      // Connectors lie beside the cards.
      return [...new Set(names), ...(path === DRM ? ['card0-DP-1', 'renderD128', 'version'] : [])]
    },
    linked: async (path) => all.get(path),
  }
  return { all, files }
}

/** A reader whose processes are no such: they read in this one. */
const readerOf = (files: KernelFiles): AmdReader => {
  const start: StartAmdProcess = (cards, hear) => {
    const ended = Promise.withResolvers<void>()
    const read = async (card: string) => hear({ card, reading: await readAmdCard(files, card) })
    void Promise.all(cards.map(read)).then(() => ended.resolve())
    return { begun: Promise.resolve(), ended: ended.promise, abandon: () => {} }
  }
  return new AmdReader({ cards: () => amdCards(files), start })
}
const readAmdGpus = (files: KernelFiles) => readerOf(files).read()

describe('AMD’s GPUs as they are now', () => {
  it('are read from what the kernel’s driver says', async () => {
    const { files } = kernel({ 10: MI300X, 1: RX_7900, 0: INTEL, 2: GRAPHICS })
    expect(await readAmdGpus(files)).toEqual([
      {
        name: 'AMD GPU 0x744c',
        idSha256: cardHash('0b5e7d02c94a61f8'),
        isIntegrated: false,
        temperatureC: 61,
        usedMib: 3 * 1024,
        totalMib: 24 * 1024,
        powerW: 287,
        busyPercent: 97,
      },
      {
        name: 'AMD Instinct MI300X OAM',
        idSha256: undefined,
        isIntegrated: false,
        temperatureC: 44,
        usedMib: 283,
        totalMib: 192 * 1024,
        powerW: 138,
        busyPercent: 0,
      },
    ])
  })

  it('say nothing where the driver does not, or only nonsense', async () => {
    const { files } = kernel({ 0: OLD })
    const [reading] = await readAmdGpus(files)
    expect(reading).toMatchObject({ totalMib: 8_192 })
    const { temperatureC, powerW, usedMib, busyPercent } = reading!
    expect([temperatureC, powerW, usedMib, busyPercent]).toEqual(Array(4).fill(undefined))
    const unlabelled = kernel({ 0: { ...OLD, 'hwmon/hwmon0/temp1_input': '58500\n' } })
    expect(await readAmdGpus(unlabelled.files)).toMatchObject([{ temperatureC: 59 }])
    const memoryOnly = kernel({ 0: { ...MI300X, 'hwmon/hwmon2/temp2_label': 'other\n' } })
    expect((await readAmdGpus(memoryOnly.files))[0]?.temperatureC).toBeUndefined()
    expect(await readAmdGpus(kernel({}).files)).toEqual([])
  })

  it('are told apart from graphics of a processor', async () => {
    const readings = await readAmdGpus(kernel({ 0: RYZEN, 1: RX_7900 }).files)
    expect(readings).toMatchObject([
      { totalMib: 2_048, isIntegrated: true },
      { totalMib: 24 * 1024, isIntegrated: false },
    ])
  })

  it('belong to the cards that are told, by their numbers or their order', async () => {
    const readings = await readAmdGpus(kernel({ 0: MI300X, 1: RX_7900 }).files)
    const id_sha256 = cardHash('0b5e7d02c94a61f8')
    expect(readingsFor([{ id_sha256 }], readings)).toEqual([readings[1]])
    expect(readingsFor([{}, { id_sha256 }], readings)).toEqual(readings)
    expect(readingsFor([{}], readings)).toEqual([undefined])
  })
})

const watches: GpuWatch[] = []
afterEach(() => {
  for (const watch of watches.splice(0)) watch.close()
  vi.useRealTimers()
})

interface Nvidia {
  degrees?: number
  totalMib?: number
}

/** A watch over cards of AMD's; `nvidia` says what `nvidia-smi` does. */
async function makeWatch(
  limits: RoomLimits,
  nvidia: Nvidia = {},
  cards: Parameters<typeof kernel>[0] = { 1: RX_7900 },
) {
  vi.useFakeTimers()
  const card = kernel(cards)
  const run: CommandRunner = async (_file, [query = '']) => {
    if (nvidia.degrees === undefined) return { code: undefined, stdout: '', stderr: '' }
    const fields = query.replace('--query-gpu=', '').split(',')
    const cells = fields.map((field) => {
      if (field === 'memory.total') return nvidia.totalMib ?? '[N/A]'
      return field === 'temperature.gpu' ? nvidia.degrees : '[N/A]'
    })
    return { code: 0, stdout: `${cells.join(', ')}\n`, stderr: '' }
  }
  const blind: string[] = []
  const kernelState = { isHung: false }
  const files: KernelFiles = {
    ...card.files,
    read: (path) => (kernelState.isHung ? new Promise(() => {}) : card.files.read(path)),
  }
  const amd = readerOf(files)
  const watch = new GpuWatch({
    run,
    amd: () => amd.read(),
    limits,
    onBlind: (which) => blind.push(which),
  })
  watches.push(watch)
  const set = (file: string, text: string) => card.all.set(`${DRM}/card1/device/${file}`, text)
  watch.start()
  await vi.advanceTimersByTimeAsync(0)
  const rooms = async (file: string, texts: readonly string[]) => {
    const seen: string[] = []
    for (const text of texts) {
      set(file, text)
      await vi.advanceTimersByTimeAsync(GPU_WATCH_INTERVAL_MS)
      seen.push(watch.room)
    }
    return seen
  }
  return { watch, card, kernelState, nvidia, blind, rooms }
}

describe('a watch over AMD’s GPUs', () => {
  it.each([
    [{ maxTemperatureC: 80 }, 'hwmon/hwmon4/temp1_input', ['80000', '76000', '75000'], 'hot'],
    [
      { maxWatts: 300 },
      'hwmon/hwmon4/power1_average',
      ['300000000', '280000000', '200000000'],
      'power',
    ],
    [
      { keepFreeMib: 8_192 },
      'mem_info_vram_used',
      [17, 16, 15].map((gib) => String(gib * GIB)),
      'memory',
    ],
  ] as const)('keeps to %j', async (limits, file, texts, shut) => {
    const { rooms, watch, blind } = await makeWatch(limits)
    expect(watch.room).toBe('open')
    expect(await rooms(file, texts)).toEqual([shut, shut, 'open'])
    expect(blind).toEqual([])
  })

  it('notices somebody else who computes', async () => {
    const { rooms } = await makeWatch({ pauseWhenBusy: true })
    expect(await rooms('gpu_busy_percent', ['97', '3', '3'])).toEqual(['in_use', 'in_use', 'open'])
  })

  it('does not take one maker’s cards for the other’s that are gone', async () => {
    const { rooms, nvidia, blind } = await makeWatch({ maxTemperatureC: 80 }, { degrees: 90 })
    expect(await rooms('gpu_busy_percent', ['1'])).toEqual(['hot'])
    delete nvidia.degrees
    expect(await rooms('gpu_busy_percent', ['1', '1'])).toEqual(['hot', 'hot'])
    expect(blind).toEqual(['some'])
    nvidia.degrees = 50
    expect(await rooms('gpu_busy_percent', ['1'])).toEqual(['open'])
  })

  const ALL_LIMITS = { maxTemperatureC: 80, keepFreeMib: 4_000, pauseWhenBusy: true }

  it('leaves out graphics of a processor beside another GPU', async () => {
    const beside = await makeWatch(ALL_LIMITS, { degrees: 50, totalMib: 24_576 }, { 0: RYZEN })
    expect(await beside.rooms('gpu_busy_percent', ['90', '90'])).toEqual(['open', 'open'])
    expect(beside.watch.readings).toMatchObject([{ totalMib: 24_576 }])
    // Not for the time while that is gone, either.
    delete beside.nvidia.degrees
    expect(await beside.rooms('gpu_busy_percent', ['90'])).toEqual(['open'])
    expect(beside.blind).toEqual(['all'])
    const amdOnly = await makeWatch(ALL_LIMITS, {}, { 0: RYZEN, 1: RX_7900 })
    expect(await amdOnly.rooms('gpu_busy_percent', ['3'])).toEqual(['open'])
  })

  it('looks at graphics of a processor that are the only GPU, or the largest', async () => {
    const alone = await makeWatch({ maxTemperatureC: 80 }, {}, { 1: RYZEN })
    expect(alone.watch.room).toBe('hot')
    const large = { ...RYZEN, mem_info_vram_total: `${96 * GIB}\n` }
    const nvidia = { degrees: 50, totalMib: 8_192 }
    const largest = await makeWatch({ maxTemperatureC: 80 }, nvidia, { 1: large })
    expect(largest.watch.room).toBe('hot')
  })

  it('goes on with the other maker’s when a driver does not answer', async () => {
    const { watch, kernelState, nvidia, blind, rooms } = await makeWatch(
      { maxTemperatureC: 80 },
      { degrees: 50 },
    )
    kernelState.isHung = true
    nvidia.degrees = 90
    // The look begins after its time, and takes what a program may.
    await rooms('gpu_busy_percent', ['1'])
    await vi.advanceTimersByTimeAsync(COMMAND_TIMEOUT_MS)
    expect([watch.room, blind]).toEqual(['hot', ['some']])
    // What hangs is not waited for again.
    expect(await rooms('gpu_busy_percent', ['1'])).toEqual(['hot'])
    nvidia.degrees = 50
    expect(await rooms('gpu_busy_percent', ['1', '1'])).toEqual(['hot', 'hot'])
  })

  it('is not held up by a processor’s graphics that do not answer', async () => {
    const { kernelState, nvidia, blind, rooms } = await makeWatch(
      { maxTemperatureC: 80 },
      { degrees: 50, totalMib: 24_576 },
      { 0: RYZEN },
    )
    kernelState.isHung = true
    await rooms('gpu_busy_percent', ['1'])
    await vi.advanceTimersByTimeAsync(COMMAND_TIMEOUT_MS)
    nvidia.degrees = 90
    expect(await rooms('gpu_busy_percent', ['1'])).toEqual(['hot'])
    nvidia.degrees = 50
    expect(await rooms('gpu_busy_percent', ['1'])).toEqual(['open'])
    expect(blind).toEqual([])
  })
})
