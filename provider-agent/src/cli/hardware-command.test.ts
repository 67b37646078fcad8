import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hardwareSchema } from '@infernet/schemas/hardware'
import { afterEach, describe, expect, it } from 'vitest'
import { EXIT } from '../exit-codes.ts'
import { fakeTools } from '../hardware/testing/replay.ts'
import { FakeEdge } from '../testing/fake-edge.ts'

const MAIN = join(import.meta.dirname, 'main.ts')
const IN_TIME = { timeout: 30_000 }
const EMPTY = mkdtempSync(join(tmpdir(), 'infernet-'))

const stops: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

/** The agent on a machine with these tools. */
function start(args: readonly string[], path = EMPTY) {
  const child = spawn(process.execPath, [MAIN, ...args], { env: { ...process.env, PATH: path } })
  stops.push(() => child.kill('SIGKILL'))
  const said = { out: '', err: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.err += text))
  return { said, ended: once(child, 'close').then(() => ({ code: child.exitCode, ...said })) }
}
const events = ({ out }: { readonly out: string }) =>
  out
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>)

async function makeEdge(): Promise<FakeEdge> {
  const edge = new FakeEdge()
  stops.push(() => edge.close())
  await edge.start()
  return edge
}
const runArgs = (edge: FakeEdge, ...more: string[]) => {
  const data = mkdtempSync(join(tmpdir(), 'infernet-'))
  return ['run', '--edge', edge.url, '--engine', 'tiny', '--data', data, '--json', ...more]
}

describe('infernet-agent hardware', () => {
  it('writes what the tools say as a sample, and over no other file', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'infernet-')), 'card.txt')
    const args = ['hardware', '--json', '--record', file]
    const { code, out } = await start(args, fakeTools('rtx-5070-ti-laptop-and-lost.txt')).ended
    expect(code).toBe(EXIT.ok)
    expect(JSON.parse(out)).toHaveProperty('gpus')
    const text = readFileSync(file, 'utf8')
    expect(text).toMatch(/^\$ nvidia-smi --query-gpu=name,uuid\S* --format=csv,noheader,nounits\n/)
    expect(text).toContain('NVIDIA GeForce RTX 5070 Ti Laptop GPU, GPU-00000000-0000-0000-0000-')
    expect(text).toMatch(/^exit 0$/m)
    const again = await start(args, fakeTools('rtx-5070-ti-laptop-and-lost.txt')).ended
    expect([again.code, readFileSync(file, 'utf8')]).toEqual([EXIT.usage, text])
    expect(again.err).toContain('Name another with --record FILE')
  })

  it('shows the GPUs, how they are now, and what fits', async () => {
    const { code, out, err } = await start(['hardware'], fakeTools('h100-x2.txt')).ended
    expect([code, err]).toEqual([EXIT.ok, ''])
    const row = out.split('\n').find((line) => line.startsWith('NVIDIA H100 80GB HBM3'))
    expect(row?.split(/ {2,}/)).toEqual([
      'NVIDIA H100 80GB HBM3',
      '79.6 GiB',
      '3350 GB/s',
      '550.61.03',
      '700 W',
      '-',
      '31 °C, 0.0 GiB used, 71 W, 2 % busy',
    ])
    expect(out).toMatch(/in one GPU \(79\.6 GiB\) +117 B +67 B +35 B\n/)
    expect(out).toMatch(/in all GPUs together \(159\.3 GiB\) +236 B/)
  })

  it('says what a driver says that does not answer, and what to type', async () => {
    const { code, out } = await start(['hardware'], fakeTools('no-driver.txt')).ended
    expect(code).toBe(EXIT.ok)
    expect(out).toContain('no GPU found')
    expect(out).toContain("couldn't communicate with the NVIDIA driver")
    expect(out).toContain('sudo modprobe nvidia')
  })

  it('says the same to programs', async () => {
    const { out } = await start(['hardware', '--json'], fakeTools('gb10.txt')).ended
    const report: unknown = JSON.parse(out)
    expect(hardwareSchema.parse(report).gpus).toMatchObject([{ name: 'NVIDIA GB10' }])
    expect(report).toMatchObject({
      now: [{ temperature_c: 52, vram_used_mib: null, busy_percent: 6 }],
      fits: [{ where: 'gpu' }, { where: 'cpu' }],
      troubles: [],
    })
  })
})

describe('infernet-agent run', () => {
  it('tells the edge what machine it is, unless it should not', async () => {
    const edge = await makeEdge()
    start(runArgs(edge), fakeTools('rtx-2080-driver-440.txt'))
    const session = await edge.session()
    // A driver that takes its time is told of later.
    const told = await session.until(
      () => session.capability?.hardware,
      'hardware',
      IN_TIME.timeout,
    )
    expect(told).toMatchObject({ gpus: [{ name: 'GeForce RTX 2080', vram_mib: 7979 }] })
    expect(session.hello?.capability.models).toHaveLength(1)
    const other = await makeEdge()
    start(runArgs(other, '--no-hardware'), fakeTools('rtx-2080-driver-440.txt'))
    expect((await other.session()).hello?.capability.hardware).toBeUndefined()
  })

  it('takes no jobs while a GPU is too hot, and says why', async () => {
    const edge = await makeEdge()
    const path = fakeTools('rtx-3060-laptop.txt')
    const { said } = start(runArgs(edge, '--max-temp', '46'), path)
    const session = await edge.session()
    await session.until(() => session.capability?.models.length === 0 || undefined, 'no models')
    session.give(1, { messages: [{ role: 'user', content: 'hello' }] })
    await expect
      .poll(() => events(said).map(({ event }) => event), IN_TIME)
      .toEqual(expect.arrayContaining(['paused', 'job_busy']))
    expect(events(said).find(({ event }) => event === 'paused')).toMatchObject({ why: 'hot' })
  })

  it('takes no jobs while a GPU draws as much as its owner allows', async () => {
    const edge = await makeEdge()
    const { said } = start(runArgs(edge, '--max-watts', '70'), fakeTools('h100-x2.txt'))
    const paused = () => events(said).find(({ event }) => event === 'paused')
    await expect.poll(paused, IN_TIME).toMatchObject({
      why: 'power',
      message: 'a GPU draws as much as --max-watts',
    })
  })

  it('says when nothing can be watched', async () => {
    const edge = await makeEdge()
    const { said } = start(runArgs(edge, '--pause-when-busy'))
    const trouble = () => events(said).find(({ event }) => event === 'hardware_trouble')
    await expect.poll(trouble, IN_TIME).toMatchObject({
      message: expect.stringContaining('infernet-agent hardware') as string,
    })
  })

  it('does not start with hours that nobody can read', async () => {
    const edge = await makeEdge()
    const { code, err } = await start(runArgs(edge, '--hours', 'at night')).ended
    expect(code).toBe(EXIT.usage)
    expect(err).toContain("cannot read 'at night' as hours: write 22:00-08:00")
  })
})
