import type { EngineSandboxOptions } from '../sandbox/engine-sandbox.ts'
import { fixFor, openSandbox } from '../sandbox/open-sandbox.ts'
import { SandboxError } from '../sandbox/sandbox-error.ts'
import { failed, ok, skipped, warning, type Check, type Finding } from './check.ts'

/** Three drivers, each of which may hang for 10 s. */
const SANDBOX_LIMIT_MS = 45_000

export interface SandboxCheckOptions {
  /** What `--sandbox` asks for. Throws where the options are wrong. */
  readonly wish: EngineSandboxOptions | undefined
  /** Whether the agent starts an engine that could be confined. */
  readonly manages: boolean
  /** Paths that must stay hidden. */
  readonly hidden: readonly string[]
}

/** Tries the sandbox that the engine would run in, and says which would work where none is asked for. */
export const sandboxCheck = ({ wish, manages, hidden }: SandboxCheckOptions): Check => ({
  id: 'sandbox',
  name: 'sandbox',
  limitMs: SANDBOX_LIMIT_MS,
  async run(signal) {
    if (!manages && wish === undefined) {
      return skipped('only for a server that the agent starts itself: --manage')
    }
    try {
      return await tried(wish, hidden, signal)
    } catch (error) {
      if (!(error instanceof SandboxError)) throw error
      return failed(error.message, error.fix ?? 'change that, then infernet-agent doctor once more')
    }
  },
})

async function tried(
  wish: EngineSandboxOptions | undefined,
  hidden: readonly string[],
  signal: AbortSignal,
): Promise<Finding> {
  const { driver, gaps, passed } = await openSandbox(wish ?? { choice: 'auto' }, hidden, signal)
  driver.close()
  if (driver.name === 'none') {
    const said = `none works here: ${passed.join('; ')}`
    const fix = fixFor({ choice: 'bwrap' }, passed)
    return wish === undefined ? skipped(`not asked for; ${said}`) : warning(said, fix)
  }
  if (wish === undefined) return ok(`not asked for; --sandbox auto would be ${driver.name}`)
  if (gaps.length === 0) return ok(`${driver.name} holds all that it must`)
  return warning(`${driver.name}: ${gaps.join(', ')}`, 'see docs/provider/sandbox.md: limits')
}
