import { Option } from 'commander'
import { agentStatusSchema } from '../control/agent-status.ts'
import { EXIT, OwnerError } from '../exit-codes.ts'
import { readAgentFile } from '../setup/agent-file.ts'
import { runningAgent } from './control-asks.ts'
import { agentBeside, dataFlag } from './own-agent.ts'
import { filed, settingsPath } from './run-settings.ts'

/** The option of commands that ask an edge; `ownEdge` reads it. */
export const edgeOption = (): Option =>
  new Option('--edge <url>', 'the edge (default: that of the running agent, or of setup)').env(
    'INFERNET_EDGE',
  )

/** The edge that is named, else that of the agent that runs with this data, else that of `setup`. Throws OwnerError. */
export async function ownEdge(
  command: string,
  { edge, data }: { readonly edge?: string; readonly data?: string | undefined },
): Promise<string> {
  if (edge !== undefined) return edge
  const running = await runningAgent(agentBeside(data), agentStatusSchema.pick({ edge: true }))
  const chosen = running?.edge ?? filed(() => readAgentFile(settingsPath(data)))?.['edge']
  if (typeof chosen === 'string') return chosen
  throw new OwnerError(EXIT.usage, 'which edge? No agent runs here, and setup has chosen none', {
    next: `infernet-agent ${command} --edge https://edge.example.org${dataFlag(data)}`,
  })
}
