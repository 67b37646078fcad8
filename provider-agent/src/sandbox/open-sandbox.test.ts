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
  // Docker's client of before 28.4, and since.
  for (const said of [
    'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?',
    'failed to connect to the docker API at unix:///var/run/docker.sock; check if the path is correct and if the daemon is running: dial unix /var/run/docker.sock: connect: no such file or directory',
  ]) {
    expect(fixFor({ choice: 'docker' }, [`docker does not work here: ${said}`])).toBe(
      'sudo systemctl start docker',
    )
  }
  // Docker of 20.10, and since.
  for (const said of [
    'Error response from daemon: Unknown runtime specified runsc.',
    'Error response from daemon: unknown or invalid runtime name: runsc',
  ]) {
    const fix = fixFor({ choice: 'docker', runtime: 'runsc' }, [`docker+runsc (code 125): ${said}`])
    expect(fix).toMatch(/^sudo runsc install -- --platform=ptrace .*systemctl restart docker$/)
  }
  expect(fixFor({ choice: 'docker', runtime: 'crun' }, ['unknown runtime'])).toContain(
    '/etc/docker/daemon.json',
  )
  const covered = `bwrap does not work here (code 1): bwrap: Can't mount proc on /newroot/proc: Operation not permitted`
  for (const choice of ['bwrap', 'auto'] as const) {
    const fix = fixFor({ choice }, ['podman is not installed there', covered])
    expect(fix).toContain('unmask=ALL (podman), --security-opt systempaths=unconfined (docker)')
    expect(fix).not.toContain('userns')
  }
})
