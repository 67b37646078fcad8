import { CommanderError } from 'commander'
import { EngineStartError } from '../engines/engine.ts'
import { EXIT, OwnerError, type ExitCode } from '../exit-codes.ts'
import { isSystemError } from '../file-link.ts'
import { KeyError } from '../identity.ts'
import { ServiceError, type ServiceErrorCode } from '../service/service-error.ts'
import { UnitWordError } from '../service/unit-words.ts'
import { parserSays } from './end-of.ts'

const CODES: Readonly<Record<ServiceErrorCode, ExitCode>> = {
  no_systemd: EXIT.service,
  old_systemd: EXIT.service,
  refused: EXIT.service,
  not_root: EXIT.usage,
  bad_options: EXIT.usage,
  unreadable: EXIT.usage,
  taken: EXIT.usage,
}

/** Turns what a service command runs into, into one line for its owner, what to type, and an exit code. */
export async function ownersFault(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (error instanceof ServiceError) {
      const { code, message, next } = error
      throw new OwnerError(CODES[code], message, next === undefined ? {} : { next })
    }
    if (error instanceof UnitWordError) throw new OwnerError(EXIT.usage, error.message)
    if (error instanceof KeyError) throw new OwnerError(EXIT.data, error.message)
    if (error instanceof EngineStartError) throw new OwnerError(EXIT.engine, error.message)
    if (error instanceof CommanderError && error.exitCode !== 0)
      // It was in what follows `--`.
      throw new OwnerError(EXIT.usage, parserSays(error), { next: 'infernet-agent run --help' })
    if (isSystemError(error)) throw new OwnerError(EXIT.service, error.message)
    throw error
  }
}
