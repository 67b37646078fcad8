import { createHash } from 'node:crypto'
import * as fc from 'fast-check'
import { hardwareSchema, type Hardware } from '@infernet/schemas/hardware'
import { describe, expect, it } from 'vitest'
import type { AmdCardSeen } from './amd-reader.ts'
import type { CommandRunner } from './command-runner.ts'
import { hostFacts, type HostFacts } from './host-facts.ts'
import { readGpus } from './gpu-reading.ts'
import { probeHardware } from './probe.ts'
import { replayed } from './testing/replay.ts'
import { hintFor } from './trouble-hints.ts'

const GIB = 1024 ** 3
const sha256 = (id: string) => createHash('sha256').update(`infernet/card/1\0${id}`).digest('hex')

/** A Linux machine with these files of the kernel. */
const machine = (files: Readonly<Record<string, string>> = {}): HostFacts => ({
  platform: 'linux',
  cpuName: 'A Processor',
  threads: 16,
  memoryBytes: 64 * GIB,
  cudaVisible: undefined,
  amdVisible: { rocr: undefined, hip: undefined },
  readText: (path) => files[path],
})
const nothing: CommandRunner = async () => ({ code: undefined, stdout: '', stderr: '' })

async function probe(run: CommandRunner, host = machine(), amd: readonly AmdCardSeen[] = []) {
  const troubles: string[] = []
  const hardware: Hardware = await probeHardware(
    run,
    host,
    async () => amd,
    (text) => troubles.push(text),
  )
  expect(hardwareSchema.parse(hardware)).toEqual(hardware)
  return { ...hardware, troubles }
}

describe('NVIDIA', () => {
  it('drivers that lack fields tell the rest', async () => {
    const { gpus, troubles } = await probe(replayed('rtx-2080-driver-440.txt'))
    expect(gpus).toEqual([
      {
        vendor: 'nvidia',
        name: 'GeForce RTX 2080',
        vram_mib: 7979,
        id_sha256: sha256('GPU-95cc7f07-d13b-4d8f-847c-e1c2c02f6d25'),
        cores: 2944,
        bandwidth_gb_s: 448,
        driver: '440.57',
        power_limit_w: 180,
      },
    ])
    expect(troubles).toEqual([])
  })

  it('several GPUs are told in their order', async () => {
    const { gpus } = await probe(replayed('titan-v-and-rtx-5880.txt'))
    expect(gpus).toMatchObject([
      { name: 'NVIDIA TITAN V', compute_capability: '7.0', cores: 5120, bandwidth_gb_s: 653 },
      { name: 'NVIDIA RTX 5880 Ada Generation', compute_capability: '8.9', cores: 14_080 },
    ])
  })

  it('equal GPUs are told one by one', async () => {
    const { gpus } = await probe(replayed('h100-x2.txt'))
    const h100 = { name: 'NVIDIA H100 80GB HBM3', vram_mib: 81_559, bandwidth_gb_s: 3350 }
    expect(gpus).toMatchObject([h100, { ...h100, power_limit_w: 700 }])
    expect(gpus[0]?.mig).toBeUndefined()
  })

  it('only those are told that the agent’s engines may use', async () => {
    const { gpus } = await probe(replayed('titan-v-and-rtx-5880.txt'), {
      ...machine(),
      cudaVisible: '1',
    })
    expect(gpus).toMatchObject([{ name: 'NVIDIA RTX 5880 Ada Generation' }])
  })

  it('a laptop’s GPU is not the card of the same number', async () => {
    const { gpus } = await probe(replayed('rtx-3060-laptop.txt'))
    expect(gpus).toMatchObject([{ cores: 3840, bandwidth_gb_s: 336, vram_mib: 6144 }])
  })

  it('is found under WSL, where it is not on the path', async () => {
    const { gpus } = await probe(replayed('rtx-3060-laptop-wsl.txt'))
    expect(gpus).toMatchObject([{ driver: '610.18', compute_capability: '8.6' }])
  })

  it('a GPU that is cut up tells its instances', async () => {
    const { gpus } = await probe(replayed('a100-mig.txt'))
    const mig = Array.from({ length: 7 }, () => '1g.10gb')
    expect(gpus).toMatchObject([{ vram_mib: 81_920, bandwidth_gb_s: 2039, mig }])
  })

  it('a GPU without memory of its own has the machine’s', async () => {
    const { gpus } = await probe(replayed('gb10.txt'))
    const gb10 = { unified: true, vram_mib: 65_536, bandwidth_gb_s: 273 }
    expect(gpus).toMatchObject([{ name: 'NVIDIA GB10', compute_capability: '12.1', ...gb10 }])
  })

  it.each([
    ['no-driver.txt', 0, "couldn't communicate with the NVIDIA driver"],
    ['driver-mismatch.txt', 0, 'Driver/library version mismatch'],
    ['gpu-lost.txt', 0, 'GPU is lost'],
    ['rtx-5070-ti-laptop-and-lost.txt', 1, 'Unable to determine the device handle for GPU1'],
  ])('%s: %i GPUs, and the driver’s words', async (file, count, words) => {
    const { gpus, troubles } = await probe(replayed(file))
    expect(gpus).toHaveLength(count)
    expect(troubles).toEqual([expect.stringContaining(words)])
  })

  it('readings leave out what a GPU does not say now', async () => {
    const { readings } = await readGpus(replayed('gpu-requires-reset.txt'))
    expect(readings).toEqual([
      {
        name: 'NVIDIA H100 80GB HBM3',
        temperatureC: undefined,
        busyPercent: undefined,
        powerW: undefined,
        usedMib: 2,
        totalMib: 81_559,
      },
    ])
    const laptop = await readGpus(replayed('rtx-3060-laptop.txt'))
    expect(laptop.readings).toMatchObject([
      { temperatureC: 46, busyPercent: 0, powerW: 10, usedMib: 2811 },
    ])
  })
})

describe('AMD', () => {
  it('is told by rocm-smi', async () => {
    const { gpus } = await probe(replayed('rx-7900-xt.txt'))
    expect(gpus).toEqual([
      { vendor: 'amd', name: 'Radeon RX 7900 XT', vram_mib: 20_464, bandwidth_gb_s: 800 },
    ])
  })

  it('is told without the graphics of processors, and without serials that were cut', async () => {
    const { gpus } = await probe(replayed('rx-6800-and-raphael.txt'))
    const name = 'Navi 21 [Radeon RX 6800/6800 XT / 6900 XT]'
    expect(gpus).toEqual([{ vendor: 'amd', name, vram_mib: 16_368 }])
  })

  it.each([
    [undefined, 'a0 b1'],
    ['0', 'a0'],
    ['2', 'b1'],
    // The graphics of the processor, which are not told.
    ['1', ''],
    ['GPU-00000000000000B1', 'b1'],
  ])('only the cards are told that ROCR_VISIBLE_DEVICES=%s shows: %s', async (rocr, shown) => {
    const card = (id: string, mib: number) => ({
      'Card Series': `card ${id}`,
      'Unique ID': `0x${id}`,
      'VRAM Total Memory (B)': String(mib * 1024 ** 2),
    })
    const cards = { card0: card('a0', 16_368), card1: card('c2', 64), card2: card('b1', 16_368) }
    const run: CommandRunner = async (file) =>
      file === 'rocm-smi'
        ? { code: 0, stdout: JSON.stringify(cards), stderr: '' }
        : nothing(file, [])
    const { gpus } = await probe(run, { ...machine(), amdVisible: { rocr, hip: undefined } })
    expect(gpus.map(({ name }) => name.slice('card '.length)).join(' ')).toBe(shown)
  })

  it('is told by amd-smi and by the kernel as the same card', async () => {
    const { gpus } = await probe(replayed('amd-smi-mi300x.txt'))
    const id_sha256 = sha256('0b5e7d02c94a61f8')
    const mi300x = { name: 'AMD Instinct MI300X', bandwidth_gb_s: 5300, id_sha256 }
    expect(gpus).toEqual([{ vendor: 'amd', ...mi300x, vram_mib: 196_592, driver: '6.10.3' }])
    const serial = '0b5e7d02c94a61f8'
    const kernel = await probe(nothing, machine(), [
      { ...seen('card1', 192 * 1024), serial, reading: reading('AMD GPU 0x74a1', 192 * 1024) },
    ])
    expect(kernel.gpus).toEqual([
      { vendor: 'amd', name: 'AMD GPU 0x74a1', vram_mib: 192 * 1024, id_sha256 },
    ])
  })
})

/** AMD's cards as the kernel tells of them. */
const reading = (name: string, totalMib: number, isIntegrated = false) => ({
  name,
  totalMib,
  isIntegrated,
  temperatureC: undefined,
  usedMib: undefined,
  powerW: undefined,
  busyPercent: undefined,
})
const seen = (card: string, mib: number, isIntegrated = false): AmdCardSeen => ({
  card,
  serial: undefined,
  reading: reading(card, mib, isIntegrated),
})
const SILENT: AmdCardSeen = { card: 'card0', serial: undefined, reading: undefined }

describe('graphics of a processor', () => {
  const GRAPHICS = seen('card0', 2_048, true)
  const names = async (...args: Parameters<typeof probe>) =>
    (await probe(...args)).gpus.map(({ name }) => name)

  it('are not told beside a GPU with as much memory, of any maker', async () => {
    const both = [GRAPHICS, seen('card1', 16_368)]
    expect(await names(nothing, machine(), both)).toEqual(['card1'])
    const [first, ...rest] = await names(replayed('rtx-3060-laptop.txt'), machine(), [GRAPHICS])
    expect([first, rest]).toEqual(['NVIDIA GeForce RTX 3060 Laptop GPU', []])
  })

  it('are told alone, and with more memory than any other', async () => {
    expect(await names(nothing, machine(), [GRAPHICS])).toEqual(['card0'])
    const large = [seen('card0', 98_304, true), seen('card1', 8_192)]
    expect(await names(nothing, machine(), large)).toEqual(['card0', 'card1'])
  })

  it('are known where a tool tells of them that does not say what they are', async () => {
    const cards = {
      card0: { 'Card Series': 'Raphael', 'VRAM Total Memory (B)': String(2 * GIB) },
      card1: { 'Card Series': 'Navi 21', 'VRAM Total Memory (B)': String(16 * GIB) },
    }
    const run: CommandRunner = async (file) =>
      file === 'rocm-smi'
        ? { code: 0, stdout: JSON.stringify(cards), stderr: '' }
        : nothing(file, [])
    expect(await names(run, machine(), [GRAPHICS, seen('card1', 16_384)])).toEqual(['Navi 21'])
    const serial = '00000000000000c2'
    const bySerial = { ...cards, card0: { ...cards.card0, 'Unique ID': '0xc2' } }
    const other: CommandRunner = async (file) =>
      file === 'rocm-smi'
        ? { code: 0, stdout: JSON.stringify(bySerial), stderr: '' }
        : nothing(file, [])
    expect(await names(other, machine(), [{ ...GRAPHICS, serial }])).toEqual(['Navi 21'])
  })
})

describe('an AMD card that does not answer', () => {
  it('is said, the others are told, and no tool is begun that would hang as well', async () => {
    const begun: string[] = []
    const run: CommandRunner = async (file) => {
      begun.push(file)
      return nothing(file, [])
    }
    const { gpus, troubles } = await probe(run, machine(), [SILENT, seen('card1', 16_368)])
    expect(gpus).toMatchObject([{ name: 'card1' }])
    expect(troubles).toEqual(["the driver of AMD's card0 does not answer"])
    expect(hintFor(troubles[0] ?? '')).toContain('sudo reboot')
    expect(begun.filter((file) => !file.endsWith('nvidia-smi'))).toEqual([])
  })

  it('keeps its number for ROCR_VISIBLE_DEVICES', async () => {
    const host = { ...machine(), amdVisible: { rocr: '1', hip: undefined } }
    const { gpus } = await probe(nothing, host, [
      SILENT,
      seen('card1', 8_192),
      seen('card2', 8_192),
    ])
    expect(gpus.map(({ name }) => name)).toEqual(['card1'])
  })
})

describe('Apple', () => {
  const mac: HostFacts = { ...machine(), platform: 'darwin', memoryBytes: 16 * GIB }

  it('is told with the memory that it shares', async () => {
    const { gpus } = await probe(replayed('apple-m2-pro.txt'), mac)
    const memory = { vram_mib: 16_384, unified: true, bandwidth_gb_s: 200 }
    expect(gpus).toEqual([{ vendor: 'apple', name: 'Apple M2 Pro', cores: 19, ...memory }])
  })

  it('is told with the memory that its owner lets it have', async () => {
    const run: CommandRunner = async (file, args) =>
      file === 'sysctl'
        ? { code: 0, stdout: '12000\n', stderr: '' }
        : replayed('apple-m2-pro.txt')(file, args)
    expect((await probe(run, mac)).gpus).toMatchObject([{ vram_mib: 12_000 }])
  })
})

describe('a machine', () => {
  const flags = 'flags\t\t: fpu avx2 avx512f avx512_vnni amx_tile\n'
  const cgroup = '12:cpu,memory:/old\n0::/system.slice/agent.service\n'

  it('tells what its processor can do', async () => {
    const info = `processor\t: 0\nmodel name\t: X\n${flags}\n`
    const { cpu } = await probe(nothing, machine({ '/proc/cpuinfo': info }))
    expect(cpu).toEqual({
      name: 'A Processor',
      threads: 16,
      features: ['avx2', 'avx512', 'amx'],
    })
    const arm = machine({ '/proc/cpuinfo': 'Features\t: fp asimd sve\n' })
    expect((await probe(nothing, arm)).cpu?.features).toEqual(['sve'])
  })

  it.each<[string, Record<string, string>, number]>([
    ['no limit', {}, 65_536],
    ['its own limit', { '/system.slice/agent.service/memory.max': `${2 * GIB}\n` }, 2048],
    [
      'the limit around it',
      {
        '/system.slice/agent.service/memory.max': 'max\n',
        '/system.slice/memory.max': `${4 * GIB}\n`,
      },
      4096,
    ],
    ['a container’s', { '/memory.max': `${8 * GIB}\n` }, 8192],
    ['an old group’s', { '/memory/old/memory.limit_in_bytes': `${GIB}\n` }, 1024],
    ['none of an old group', { '/memory/memory.limit_in_bytes': '9223372036854771712' }, 65_536],
  ])('has the memory that its control groups leave it: %s', async (_, limits, mib) => {
    const files = Object.entries(limits).map(([path, text]) => [`/sys/fs/cgroup${path}`, text])
    const host = machine({
      '/proc/self/cgroup': cgroup,
      ...(Object.fromEntries(files) as Record<string, string>),
    })
    expect((await probe(nothing, host)).memory_mib).toBe(mib)
  })

  it('without any tool has a processor and memory, as this one has', async () => {
    const { gpus, cpu, memory_mib } = await probe(nothing, hostFacts())
    expect(gpus).toEqual([])
    expect(cpu?.threads).toBeGreaterThan(0)
    expect(memory_mib).toBeGreaterThan(100)
  })

  it('is told of whatever its tools write', async () => {
    const anyText = fc.oneof(
      fc.string(),
      fc.constantFrom(
        'a, b, c, d, e, f, g, h, i\n',
        ', , , , , , , , \n',
        '{"card0": {"VRAM Total Memory (B)": {}, "Card Series": 3}}',
        '[{"asic": {"market_name": "x"}, "vram": {"size": {"value": -5, "unit": "MB"}}}]',
        '{"SPDisplaysDataType": [{"sppci_model": null}]}',
        'Field "name" is not a valid field to query.',
        `${'9'.repeat(400)}, `.repeat(9),
      ),
    )
    const platform = fc.constantFrom<NodeJS.Platform>('linux', 'darwin', 'win32')
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyText, { minLength: 1, maxLength: 8 }),
        fc.option(fc.integer({ min: 0, max: 255 }), { nil: undefined }),
        platform,
        async (texts, code, on) => {
          let calls = 0
          const run: CommandRunner = async () => {
            const stdout = texts[calls++ % texts.length] ?? ''
            expect(calls).toBeLessThan(50)
            return { code, stdout, stderr: '' }
          }
          const host = { ...machine(), platform: on, readText: () => texts[0] }
          await probe(run, host)
        },
      ),
    )
  })
})
