import { describe, expect, it } from 'vitest'
import { EXIT } from '../exit-codes.ts'
import { readSandboxFlags, type SandboxFlags } from './sandbox-options.ts'

describe('the flags of a sandbox', () => {
  it('ask for one, with its limits', () => {
    expect(readSandboxFlags({})).toBeUndefined()
    expect(readSandboxFlags({ sandbox: 'none' })).toBeUndefined()
    expect(readSandboxFlags({ sandbox: 'bwrap', sandboxPids: 9 })).toMatchObject({
      choice: 'bwrap',
      pids: 9,
      reads: [],
    })
    expect(readSandboxFlags({ sandboxRuntime: 'runsc', sandboxCpus: 2 })).toMatchObject({
      choice: 'podman',
      runtime: 'runsc',
      cpus: 2,
    })
    expect(readSandboxFlags({ sandbox: 'auto', sandboxRuntime: 'runc' })).toMatchObject({
      choice: 'auto',
      runtime: 'runc',
    })
  })

  it.each<[SandboxFlags, string]>([
    [{ sandboxMemory: 1e9 }, '--sandbox-memory'],
    [{ sandboxPids: 9 }, '--sandbox-pids'],
    [{ sandboxCpus: 1 }, '--sandbox-cpus'],
    [{ sandboxRead: ['/srv'] }, '--sandbox-read'],
    [{ sandbox: 'none', sandboxMemory: 1e9 }, '--sandbox-memory'],
    [{ sandbox: 'none', sandboxRuntime: 'runsc' }, '--sandbox-runtime'],
    [{ sandbox: 'bwrap', sandboxRuntime: 'runsc' }, '--sandbox-runtime'],
  ])('are refused where they would do nothing: %j', (flags, flag) => {
    expect(() => readSandboxFlags(flags)).toThrow(
      expect.objectContaining({
        exitCode: EXIT.usage,
        message: expect.stringContaining(flag) as string,
      }),
    )
  })
})
