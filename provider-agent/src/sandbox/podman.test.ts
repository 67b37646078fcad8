import { execFileSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { runConfined } from './run-confined.ts'
import { ContainerDriver } from './container.ts'
import { findTool } from './find-tool.ts'
import { describeSandbox } from './sandbox-conformance.ts'

const PODMAN = findTool('podman') ?? ''
const has = (...names: string[]): boolean => names.every((name) => findTool(name) !== undefined)

describe.skipIf(!has('podman', 'runc'))('podman+runc (needs: apt-get install podman runc)', () => {
  const make = (hidden: readonly string[]) =>
    new ContainerDriver({ tool: 'podman', runtime: 'runc', hidden })
  describeSandbox(make)

  it('removes the containers of agents that are dead, and no others', async () => {
    const driver = make([])
    const name = (mark: string) => `infernet-test-${process.pid}-${mark}`
    const left = (mark: string) =>
      execFileSync(PODMAN, [
        'create',
        '--name',
        name(mark),
        `--label=infernet-agent=${mark}`,
        '--network=none',
        '--rootfs',
        mkdtempSync(join(tmpdir(), 'infernet-')),
        '/bin/true',
      ])
    const names = () =>
      execFileSync(PODMAN, ['ps', '--all', '--format', '{{.Names}}'], { encoding: 'utf8' })
    left('4194399-1')
    left('mine')
    await driver.prepare()
    expect(names()).not.toContain(name('4194399-1'))
    expect(names()).toContain(name('mine'))
    execFileSync(PODMAN, ['rm', name('mine')])
    driver.close()
  })

  it('gives two containers at once names of their own, and leaves none', async () => {
    const driver = make([])
    const limits = { memoryBytes: 64 * 1024 ** 2, pids: 8, timeMs: 30_000, outputBytes: 100 }
    const job = { file: '/bin/echo', args: ['here'], input: new Uint8Array(), limits }
    const results = await Promise.all([runConfined(driver, job), runConfined(driver, job)])
    expect(results.map(({ output }) => output.toString())).toEqual(['here\n', 'here\n'])
    driver.close()
  })
})

describe.skipIf(!has('podman', 'runsc'))(
  'podman+runsc (needs: apt-get install podman runsc)',
  () => {
    describeSandbox((hidden) => new ContainerDriver({ tool: 'podman', runtime: 'runsc', hidden }))
  },
)
