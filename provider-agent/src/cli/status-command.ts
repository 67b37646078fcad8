import { setTimeout as pause } from 'node:timers/promises'
import type { Command } from 'commander'
import { modelListSchema } from '../control/agent-status.ts'
import { askAgent } from '../control/control-client.ts'
import { EXIT } from '../exit-codes.ts'
import {
  agentStatus,
  controlFault,
  DATA_OPTION,
  JSON_OPTION,
  socketOf,
  type ControlFlags,
} from './control-asks.ts'
import { agentData } from './own-agent.ts'
import { modelsText, statusText } from './status-text.ts'
import { untilStopped } from './until-stopped.ts'

const WATCH_MS = 1_000
const CLEAR_SCREEN = '\u001B[H\u001B[2J'

/** Adds `status` and `models` to the program. */
export function addStatusCommands(program: Command): void {
  program
    .command('status')
    .description('show how the running agent is: exit code 0 if it is connected, 9 if not')
    .option('--watch', 'again each second, until stopped')
    .option(...DATA_OPTION)
    .option(...JSON_OPTION)
    .action(status)
  program
    .command('models')
    .description('show what the running agent offers, and what each model has done')
    .option(...DATA_OPTION)
    .option(...JSON_OPTION)
    .action(models)
}

async function status(given: ControlFlags & { readonly watch?: boolean }): Promise<void> {
  const flags = { ...given, data: agentData(given.data) }
  const stopping = flags.watch ? untilStopped() : undefined
  // `status --watch | head` leaves when it has enough.
  process.stdout.on('error', () => stopping?.abort())
  for (;;) {
    const found = await controlFault(flags, () => agentStatus(flags.data))
    process.exitCode = found.state === 'connected' ? EXIT.ok : EXIT.notServing
    const text = flags.json ? JSON.stringify(found) : statusText(found)
    const isScreen = flags.watch && !flags.json && process.stdout.isTTY
    console.log(isScreen ? `${CLEAR_SCREEN}${text}` : text)
    if (stopping === undefined) return
    await pause(WATCH_MS, undefined, { signal: stopping.signal }).catch(() => {})
    if (stopping.signal.aborted) return
  }
}

async function models(given: ControlFlags): Promise<void> {
  const flags = { ...given, data: agentData(given.data) }
  const { data } = await controlFault(flags, () =>
    askAgent({ socket: socketOf(flags.data), method: 'GET', path: '/models' }, modelListSchema),
  )
  if (flags.json) console.log(JSON.stringify(data))
  else console.log(data.length === 0 ? 'the agent offers no model now' : modelsText(data))
}
