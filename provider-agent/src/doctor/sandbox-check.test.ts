import { describe, expect, it } from 'vitest'
import type { SandboxRuntime } from '../sandbox/driver.ts'
import type { EngineSandboxOptions } from '../sandbox/engine-sandbox.ts'
import { findTool } from '../sandbox/find-tool.ts'
import { sandboxCheck } from './sandbox-check.ts'

const tried = (wish: EngineSandboxOptions | undefined, manages: boolean) =>
  sandboxCheck({ wish, manages, hidden: [] }).run(new AbortController().signal)
const wishFor = (more: Partial<EngineSandboxOptions>): EngineSandboxOptions => ({
  choice: 'bwrap',
  reads: [],
  hidden: [],
  ...more,
})

describe('the doctor’s look at the sandbox', () => {
  it('is for servers that the agent starts', async () => {
    expect(await tried(undefined, false)).toMatchObject({ outcome: 'skipped' })
  })

  it('says what to install where it is missing', async () => {
    const runtime = 'no-such-runtime' as SandboxRuntime
    expect(await tried(wishFor({ choice: 'podman', runtime }), true)).toMatchObject({
      outcome: 'failed',
      said: expect.stringMatching(/ is not installed$/),
      fix: expect.stringMatching(/^sudo apt-get install podman /),
    })
  })

  it.skipIf(findTool('bwrap') === undefined)('tries it (needs bubblewrap)', async () => {
    const { outcome, said } = await tried(wishFor({}), true)
    expect(['ok', 'warning']).toContain(outcome)
    expect(said).toMatch(/^bwrap/)
  })
})
