import { describe, expect, it } from 'vitest'
import { BwrapDriver } from './bwrap.ts'
import { findTool } from './find-tool.ts'
import { runConfined } from './run-confined.ts'
import { describeSandbox } from './sandbox-conformance.ts'

const isThere = findTool('bwrap') !== undefined

describe.skipIf(!isThere)('bwrap (needs it: apt-get install bubblewrap)', () => {
  describeSandbox((hidden) => new BwrapDriver({ hidden }))

  it('has the kernel look for no other family of sockets, by pairs of them either', async () => {
    const driver = new BwrapDriver({ hidden: [] })
    try {
      // AF_UNIX, AF_INET, AF_TIPC, AF_VSOCK.
      const script =
        'for (@ARGV) { print socketpair(A, B, $_, 1, 0) ? "made" : $!{EAFNOSUPPORT} ? "no" : $!, "\\n" }'
      const limits = { memoryBytes: 2 ** 27, pids: 24, timeMs: 60_000, outputBytes: 1_000 }
      const { output } = await runConfined(driver, {
        file: '/usr/bin/perl',
        args: ['-MErrno', '-MSocket', '-e', script, '1', '2', '30', '40'],
        input: new Uint8Array(),
        limits: { ...limits, cpus: undefined },
      })
      expect(output.toString()).toBe('made\nno\nno\nno\n')
    } finally {
      driver.close()
    }
  })
})
