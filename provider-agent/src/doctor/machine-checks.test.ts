import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { dataDir } from '../data-dir.ts'
import { loadIdentity } from '../identity.ts'
import { Outbox } from '../receipts/outbox.ts'
import type { CheckResult } from './check.ts'
import { machineChecks, type Machine } from './machine-checks.ts'
import { runChecks } from './run-checks.ts'

/** Its name is what a shell makes most of. */
const newFolder = () => mkdtempSync(join(tmpdir(), "infernet it's $HOME "))
const GIB = 1024 ** 3

async function look(folder: string, more: Partial<Machine> = {}) {
  const checks = machineChecks({
    nodeVersion: 'v20.20.2',
    files: dataDir(folder, {}),
    dataFlag: '',
    freeMemory: () => 8 * GIB,
    freeDisk: async () => 8 * GIB,
    gpus: async () => ({ names: [] }),
    ...more,
  })
  const signal = new AbortController().signal
  const results = await runChecks(checks, { signal, now: () => 0 })
  return (id: string): CheckResult => results.find((result) => result.id === id)!
}

/** An agent's folder as an agent leaves it. */
function usedFolder() {
  const folder = newFolder()
  const files = dataDir(folder, {})
  const { identity } = loadIdentity(files.key)
  return { folder, files, identity }
}

const outcomes = (found: (id: string) => CheckResult, ...ids: string[]) =>
  ids.map((id) => found(id).outcome)

describe('the checks of a machine', () => {
  it('find nothing wrong where an agent has run', async () => {
    const { folder, files, identity } = usedFolder()
    new Outbox(files.outbox, 9).put(Buffer.from('x'), ['lease'])
    const found = await look(folder)
    const ids = ['node', 'data', 'key', 'receipts', 'disk', 'memory', 'gpu']
    expect(outcomes(found, ...ids)).toEqual(ids.map(() => 'ok'))
    expect(found('key').said).toBe(identity.peer)
    expect(found('receipts').said).toContain('1 batches wait')
  })

  it('make nothing where none has, and say what will', async () => {
    const folder = newFolder()
    const found = await look(folder, { dataFlag: ' --data X' })
    expect(outcomes(found, 'data', 'key', 'receipts')).toEqual(['ok', 'warning', 'ok'])
    expect(found('key').fix).toContain('infernet-agent keys --data X')
    expect(readdirSync(folder)).toEqual([])
  })

  it('find what others can read; what they say to type mends it', async () => {
    const { folder, files } = usedFolder()
    chmodSync(files.key, 0o644)
    chmodSync(join(folder, 'agent'), 0o755)
    const found = await look(folder)
    expect(outcomes(found, 'data', 'key')).toEqual(['warning', 'warning'])
    for (const id of ['data', 'key']) execFileSync('sh', ['-c', found(id).fix!])
    expect(outcomes(await look(folder), 'data', 'key')).toEqual(['ok', 'ok'])
  })

  it('find a key that is none, a folder that is none, and what a power cut has left', async () => {
    const broken = usedFolder()
    writeFileSync(broken.files.key, 'not a key')
    mkdirSync(broken.files.outbox)
    writeFileSync(join(broken.files.outbox, '000000000000001.batch.torn'), '')
    const found = await look(broken.folder)
    expect(outcomes(found, 'key', 'receipts')).toEqual(['failed', 'warning'])
    execFileSync('sh', ['-c', found('receipts').fix!.replace(/^.*: /, '')])
    expect((await look(broken.folder))('receipts').outcome).toBe('ok')
    const file = join(newFolder(), 'file')
    writeFileSync(file, '')
    expect((await look(file))('data')).toMatchObject({ outcome: 'failed' })
  })

  it.each([
    [{ nodeVersion: 'v18.20.1' }, 'node', 'failed'],
    [{ nodeVersion: 'v20.11.1' }, 'node', 'failed'],
    [{ nodeVersion: 'v24.1.0' }, 'node', 'ok'],
    [{ freeMemory: () => 1024 }, 'memory', 'warning'],
    [{ freeDisk: async (): Promise<number> => GIB / 2 }, 'disk', 'warning'],
    [{ freeDisk: async (): Promise<number> => 1024 }, 'disk', 'failed'],
    [{ gpus: async () => ({ names: ['NVIDIA L4 (24 GiB)'] }) }, 'gpu', 'ok'],
    [{ gpus: async () => ({ names: [], trouble: 'the driver is gone' }) }, 'gpu', 'warning'],
  ] as const)('judge %o by %s: %s', async (machine, id, outcome) => {
    const result = (await look(newFolder(), machine))(id)
    expect(result.outcome).toBe(outcome)
    expect(result.fix === undefined).toBe(outcome === 'ok')
  })
})
