import { PROTOCOL } from '@infernet/schemas/wire'
import type { Command } from 'commander'
import { AGENT_VERSION } from '../version.ts'

/** Adds `version` to the program. */
export function addVersionCommand(program: Command): void {
  program
    .command('version')
    .description('print the version')
    .option('--json', 'with those of Node and the protocol, as JSON')
    .action(({ json }: { json?: boolean }) => {
      console.log(json ? JSON.stringify(versions()) : AGENT_VERSION)
    })
}

const versions = () => ({
  version: AGENT_VERSION,
  /** What it speaks with edges. */
  protocol: PROTOCOL,
  node: process.versions.node,
  platform: `${process.platform}-${process.arch}`,
})
