import type { Command } from 'commander'
import { askEarnings } from '../edge-api/ask-earnings.ts'
import { plainJson } from '../plain-text.ts'
import { DATA_OPTION, JSON_OPTION, type ControlFlags } from './control-asks.ts'
import { earningsText } from './earnings-text.ts'
import { edgeFault } from './edge-fault.ts'
import { edgeOption, ownEdge } from './own-edge.ts'
import { requiredIdentity } from './own-identity.ts'

interface EarningsFlags extends ControlFlags {
  readonly edge?: string
}

/** Adds `earnings` to the program. */
export function addEarningsCommand(program: Command): void {
  program
    .command('earnings')
    .description('show what this provider has earned at its edge, and been paid')
    .addOption(edgeOption())
    .option(...DATA_OPTION)
    .option(...JSON_OPTION)
    .action(earnings)
}

async function earnings(flags: EarningsFlags): Promise<void> {
  const identity = requiredIdentity(flags.data)
  const edge = await ownEdge('earnings', flags)
  const found = await edgeFault(() => askEarnings(edge, identity, Date.now()))
  console.log(flags.json ? plainJson(found) : earningsText(found, Date.now()))
}
