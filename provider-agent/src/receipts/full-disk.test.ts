import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FRAME } from '@infernet/schemas/frame'
import { afterEach, expect, it } from 'vitest'
import { loadIdentity } from '../identity.ts'
import { FakeEdge } from '../testing/fake-edge.ts'

const MAIN = join(import.meta.dirname, '../cli/main.ts')

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

/** A disk of a few pages; undefined where this process may mount none. */
function smallDisk(): string | undefined {
  const disk = mkdtempSync(join(tmpdir(), 'infernet-'))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=96k', 'none', disk])
  if (mounted.status !== 0) return undefined
  closing.push(() => execFileSync('umount', ['--lazy', disk]))
  return disk
}

/** Takes all the room that is left. */
function fill(path: string): void {
  try {
    for (;;) writeFileSync(path, Buffer.alloc(4_096), { flag: 'a' })
  } catch (error) {
    expect(error).toMatchObject({ code: 'ENOSPC' })
  }
}

it('an agent whose disk is full starts, answers, claims, and keeps the claim as soon as there is room', async (test) => {
  const disk = smallDisk()
  if (disk === undefined) return test.skip('needs root')
  loadIdentity(join(disk, 'agent', 'key.pem'))
  fill(join(disk, 'fill'))
  const edge = new FakeEdge()
  closing.push(() => edge.close())
  await edge.start()
  const flags = ['--edge', edge.url, '--engine', 'tiny', '--data', disk]
  const agent = spawn(process.execPath, [MAIN, 'run', ...flags])
  closing.push(() => agent.kill('SIGKILL'))
  let log = ''
  for (const output of [agent.stdout, agent.stderr]) {
    output.setEncoding('utf8').on('data', (text: string) => (log += text))
  }
  const session = await edge.session()
  session.give(1, { model: 'infernet-demo', messages: [{ role: 'user', content: 'hello' }] })
  expect((await session.answer(1)).end?.finish_reason).toBe('stop')
  // The edge says nothing to the claim.
  await session.until(() => session.of(0, FRAME.receipts)[0], 'receipt')
  rmSync(join(disk, 'fill'))
  agent.kill('SIGTERM')
  expect(await once(agent, 'exit')).toEqual([0, null])
  expect(log).toContain('receipts cannot be stored, and are kept in memory alone: ENOSPC')
  expect(log).not.toContain('receipts lost')
  const kept = readdirSync(join(disk, 'agent', 'outbox'))
  expect(kept.filter((name) => name.endsWith('.batch'))).toHaveLength(1)
  return undefined
})
