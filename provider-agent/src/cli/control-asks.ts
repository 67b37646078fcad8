import { existsSync } from 'node:fs'
import { ControlError, type ControlErrorCode } from '../control/control-error.ts'
import { dataDir } from '../data-dir.ts'
import { EXIT, OwnerError, type ExitCode } from '../exit-codes.ts'

export interface ControlFlags {
  readonly data?: string
  readonly json?: boolean
}

/** Options of the commands that ask a running agent. */
export const DATA_OPTION = ['--data <directory>', 'that of the agent (INFERNET_DATA)'] as const
export const JSON_OPTION = ['--json', 'as JSON'] as const

/** The running agent's socket, for an agent started with this `--data`. */
export const socketOf = ({ data }: ControlFlags): string => dataDir(data, process.env).control

const EXIT_CODES: Readonly<Record<ControlErrorCode, ExitCode>> = {
  already_running: EXIT.data,
  not_running: EXIT.notServing,
  unusable: EXIT.failure,
  refused: EXIT.failure,
  bad_answer: EXIT.failure,
}

/** Turns what a running agent does not give into one line that names the next step, and an exit code. */
export async function controlFault<T>(flags: ControlFlags, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof ControlError)) throw error
    const hint = error.code === 'not_running' ? `. ${nextStep(flags)}` : ''
    throw new OwnerError(EXIT_CODES[error.code], `${error.message}${hint}`)
  }
}

function nextStep({ data }: ControlFlags): string {
  const named = data === undefined ? '' : ` --data ${data}`
  const start = `Start it: infernet-agent run --edge URL${named}`
  const { key } = dataDir(data, process.env)
  if (!existsSync(key)) return `${start} (or name its --data: no agent has been there yet)`
  return `${start}. A service is started with: systemctl start infernet-agent`
}
