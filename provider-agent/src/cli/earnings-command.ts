import { Option, type Command } from 'commander'
import { ControlError } from '../control/control-error.ts'
import { askEarnings } from '../edge-api/ask-earnings.ts'
import { EXIT, OwnerError } from '../exit-codes.ts'
import { plainJson } from '../plain-text.ts'
import { agentStatus, DATA_OPTION, JSON_OPTION, type ControlFlags } from './control-asks.ts'
import { earningsText } from './earnings-text.ts'
import { edgeFault } from './edge-fault.ts'
import { requiredIdentity } from './own-identity.ts'

interface EarningsFlags extends ControlFlags {
  readonly edge?: string
}

/** Adds `earnings` to the program. */
export function addEarningsCommand(program: Command): void {
  program
    .command('earnings')
    .description('show what this provider has earned at its edge, and been paid')
    .addOption(
      new Option('--edge <url>', 'the edge (default: that of the running agent)').env(
        'INFERNET_EDGE',
      ),
    )
    .option(...DATA_OPTION)
    .option(...JSON_OPTION)
    .action(earnings)
}

async function earnings(flags: EarningsFlags): Promise<void> {
  const identity = requiredIdentity(flags.data)
  const edge = flags.edge ?? (await edgeOfAgent(flags.data))
  const found = await edgeFault(() => askEarnings(edge, identity, Date.now()))
  console.log(flags.json ? plainJson(found) : earningsText(found, Date.now()))
}

/** The edge of the agent that runs with this data. Throws OwnerError. */
async function edgeOfAgent(data: string | undefined): Promise<string> {
  try {
    return (await agentStatus(data)).edge
  } catch (error) {
    if (!(error instanceof ControlError)) throw error
    throw new OwnerError(
      EXIT.usage,
      `${error.message}, so name the edge: infernet-agent earnings --edge https://edge.example.org`,
    )
  }
}
