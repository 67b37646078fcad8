import type { z } from 'zod'
import { agentStatusSchema, type AgentStatus } from '../control/agent-status.ts'
import { askAgent } from '../control/control-client.ts'
import { ControlError, type ControlErrorCode } from '../control/control-error.ts'
import { dataDir } from '../data-dir.ts'
import { EXIT, OwnerError, type ExitCode } from '../exit-codes.ts'
import { asRoot } from './as-root.ts'
import { nextStep, ownAgent } from './own-agent.ts'

export interface ControlFlags {
  readonly data?: string | undefined
  readonly json?: boolean
}

/** An option of the commands that ask a running agent. */
export const DATA_OPTION = ['--data <directory>', 'that of the agent (INFERNET_DATA)'] as const
/** An option of most commands. */
export const JSON_OPTION = ['--json', 'as JSON'] as const

/** The running agent's socket, for an agent started with this `--data`. */
export const socketOf = (data: string | undefined): string => dataDir(data, process.env).control

/** What the agent says of itself that runs with this `--data`. Throws ControlError. */
export const agentStatus = (data: string | undefined): Promise<AgentStatus> =>
  askAgent({ socket: socketOf(data), method: 'GET', path: '/status' }, agentStatusSchema)

/** What every version of an agent says of itself, whatever else. */
export const anyAgentSchema = agentStatusSchema.pick({ version: true, pid: true, service: true })

/** What the agent with this `--data` says of itself, if one runs and answers as `schema` has it. */
export async function runningAgent<T>(
  data: string | undefined,
  schema: z.ZodType<T>,
): Promise<T | undefined> {
  try {
    return await askAgent({ socket: socketOf(data), method: 'GET', path: '/status' }, schema)
  } catch (error) {
    if (error instanceof ControlError) return undefined
    throw error
  }
}

const EXIT_CODES: Readonly<Record<ControlErrorCode, ExitCode>> = {
  already_running: EXIT.data,
  not_running: EXIT.notServing,
  not_yours: EXIT.usage,
  unusable: EXIT.usage,
  refused: EXIT.failure,
  bad_answer: EXIT.failure,
}

/** What is wrong with the running agent as one line for its owner, with an exit code. */
export const ownersError = ({ code, message }: ControlError): OwnerError =>
  new OwnerError(EXIT_CODES[code], message)

/** Turns what a running agent does not give into one line that names the next step, and an exit code. */
export async function controlFault<T>({ data }: ControlFlags, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof ControlError)) throw error
    const { exitCode, message } = ownersError(error)
    if (error.code === 'not_yours')
      throw new OwnerError(exitCode, message, { next: asRoot(process.argv.slice(2)) })
    if (error.code !== 'not_running') throw new OwnerError(exitCode, message)
    throw new OwnerError(exitCode, message, { next: nextStep(ownAgent(data, process.env)) })
  }
}
