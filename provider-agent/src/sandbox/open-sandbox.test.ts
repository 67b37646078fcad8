import { expect, it } from 'vitest'
import { fixFor, openSandbox } from './open-sandbox.ts'
import { runConfined } from './run-confined.ts'

it('runs nothing of others without a sandbox', async () => {
  const { driver } = await openSandbox({ choice: 'none' }, [])
  const limits = { memoryBytes: 1e8, pids: 8, timeMs: 5_000, outputBytes: 100 }
  const job = { file: '/bin/true', args: [], input: new Uint8Array(), limits }
  await expect(runConfined(driver, job)).rejects.toMatchObject({ code: 'missing' })
})

it('says what to type where a driver is missing, or the machine forbids it', () => {
  expect(fixFor({ choice: 'bwrap' }, ['bwrap is not installed'])).toBe(
    'sudo apt-get install bubblewrap',
  )
  expect(fixFor({ choice: 'podman', runtime: 'runsc' }, ['runsc is not installed'])).toMatch(
    /^sudo apt-get install podman .*runsc$/,
  )
  expect(fixFor({ choice: 'bwrap' }, ['bwrap does not work here'])).toContain('userns')
  expect(fixFor({ choice: 'podman' }, ['none in /etc/subuid'])).toContain('usermod')
  const covered = `bwrap does not work here (code 1): bwrap: Can't mount proc on /newroot/proc: Operation not permitted`
  for (const choice of ['bwrap', 'auto'] as const) {
    const fix = fixFor({ choice }, ['podman is not installed there', covered])
    expect(fix).toContain('unmask=ALL (podman), --security-opt systempaths=unconfined (docker)')
    expect(fix).not.toContain('userns')
  }
})
