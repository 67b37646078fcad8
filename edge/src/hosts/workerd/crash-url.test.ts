import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { takePlan } from '@infernet/settlement/settler/crash-at'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, it } from 'vitest'
import { crashUrl } from './crash-url.ts'

it('does what is planned for the step that a Worker tells it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'infernet-crash-'))
  const victim = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  try {
    const file = join(folder, 'crash')
    const url = await crashUrl({ INFERNET_CRASH_FILE: file })
    const tell = (step: string) => fetch(String(url), { method: 'POST', body: step })
    writeFileSync(file, JSON.stringify({ id: 1, step: 'hold:after', pids: [victim.pid] }))
    expect((await tell('hold:before')).status).toBe(200)
    expect(victim.killed).toBe(false)
    const ended = once(victim, 'exit')
    await tell('hold:after')
    expect(await ended).toEqual([null, 'SIGKILL'])
    expect(takePlan(file, 1)).toBe(false)
  } finally {
    victim.kill('SIGKILL')
    rmSync(folder, { recursive: true })
  }
})

it('is not there unasked', async () => {
  expect(await crashUrl({})).toBe(undefined)
  expect(await crashUrl({ INFERNET_CRASH_FILE: '/tmp/x', INFERNET_ENV: 'production' })).toBe(
    undefined,
  )
})
