import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'
import type { SandboxDriver } from './driver.ts'
import { runConfined } from './run-confined.ts'

/** How a test makes and looks for containers beside the driver's. */
export interface ContainerTool {
  readonly program: string
  /** Makes the root of a container that is never started, as the last words of `create`. */
  readonly root: () => readonly string[]
}

const name = (mark: string): string => `infernet-test-${process.pid}-${mark}`

/** What drivers that start containers must hold beside the rest. `make` gets the paths that must stay hidden. */
export function describeContainers(
  make: (hidden: readonly string[]) => SandboxDriver,
  { program, root }: ContainerTool,
): void {
  const said = (...args: string[]): string => execFileSync(program, args, { encoding: 'utf8' })
  const names = (): string => said('ps', '--all', '--format', '{{.Names}}')

  it('removes the containers of agents that are dead, and no others', async () => {
    const driver = make([])
    await driver.prepare()
    const left = (mark: string) => {
      const label = `--label=infernet-agent=${mark}`
      said('create', '--name', name(mark), label, '--network=none', ...root(), '/bin/true')
    }
    left('4194399-1')
    left('mine')
    await driver.prepare()
    expect(names()).not.toContain(name('4194399-1'))
    expect(names()).toContain(name('mine'))
    said('rm', name('mine'))
    driver.close()
  })

  it('gives two containers at once names of their own, and leaves none', async () => {
    const driver = make([])
    await driver.prepare()
    const limits = { memoryBytes: 64 * 1024 ** 2, pids: 8, timeMs: 30_000, outputBytes: 100 }
    const job = { file: '/bin/echo', args: ['here'], input: new Uint8Array(), limits }
    const results = await Promise.all([runConfined(driver, job), runConfined(driver, job)])
    expect(results.map(({ output }) => output.toString())).toEqual(['here\n', 'here\n'])
    driver.close()
  })

  it('has the kernel look for no other family of sockets, by pairs of them either', async () => {
    const driver = make([])
    await driver.prepare()
    // AF_UNIX, AF_INET, AF_TIPC, AF_VSOCK. Of what the kernel has looked for it says that there are no pairs.
    const script =
      'for (@ARGV) { print socketpair(A, B, $_, 1, 0) ? "made" : $!{EPERM} || $!{ENOSYS} ? "no" : $!, "\\n" }'
    const limits = { memoryBytes: 128 * 1024 ** 2, pids: 24, timeMs: 30_000, outputBytes: 1_000 }
    const args = ['-MErrno', '-MSocket', '-e', script, '1', '2', '30', '40']
    const job = { file: '/usr/bin/perl', args, input: new Uint8Array(), limits }
    const { output } = await runConfined(driver, job)
    expect(output.toString()).toBe('made\nno\nno\nno\n')
    driver.close()
  })
}
