import type { Command } from 'commander'
import type { z } from 'zod'
import { agentStatusSchema } from '../control/agent-status.ts'
import { agentLines, askAgent } from '../control/control-client.ts'
import { ControlError } from '../control/control-error.ts'
import { EXIT, OwnerError } from '../exit-codes.ts'
import {
  controlFault,
  DATA_OPTION,
  JSON_OPTION,
  socketOf,
  type ControlFlags,
} from './control-asks.ts'
import { agentData } from './own-agent.ts'
import { untilStopped } from './until-stopped.ts'

interface DrainFlags extends ControlFlags {
  readonly wait?: boolean
}

/** Adds `drain` to the program. */
export function addDrainCommand(program: Command): void {
  program
    .command('drain')
    .description('let the running agent finish its jobs and end: it takes no new ones')
    .option('--wait', 'until it has ended')
    .option(...DATA_OPTION)
    .option(...JSON_OPTION)
    .action(drain)
}

async function drain(given: DrainFlags): Promise<void> {
  const flags = { ...given, data: agentData(given.data) }
  const status = await controlFault(flags, () => drainAgent(flags.data, agentStatusSchema))
  if (flags.wait) {
    const stopping = untilStopped().signal
    await untilEnded(flags, stopping)
    if (stopping.aborted) {
      throw new OwnerError(EXIT.interrupted, 'stopped waiting; the agent goes on draining')
    }
  }
  const { jobs, pid, state } = status
  if (flags.json) {
    console.log(
      JSON.stringify({ pid, state: flags.wait ? 'stopped' : state, jobs_running: jobs.running }),
    )
  } else if (flags.wait) console.log('it has ended')
  else console.log(`draining; jobs that still run: ${jobs.running}. See infernet-agent status`)
}

/** Has the running agent take no new jobs, and end: it answers how it is. Throws ControlError. */
export const drainAgent = <T>(data: string | undefined, schema: z.ZodType<T>): Promise<T> =>
  askAgent({ socket: socketOf(data), method: 'POST', path: '/drain' }, schema)

/** Resolves when the agent has ended, which closes the stream with `stopped` last, or nobody waits any more. */
export async function untilEnded(flags: ControlFlags, stopping: AbortSignal): Promise<void> {
  const path = '/events?tail=0&follow=1'
  await controlFault(flags, async () => {
    try {
      const lines = agentLines({ socket: socketOf(flags.data), method: 'GET', path }, stopping)
      for await (const _line of lines) continue
    } catch (error) {
      // It was faster than we.
      if (!(error instanceof ControlError) || error.code !== 'not_running') throw error
    }
  })
}
