// The agent as it is, but for its engine: `--cheat NAME` says in which way that cheats.
import { LlamaCppEngine } from '@infernet/provider-agent/engines/llama-cpp/llama-cpp'
import { corrupt } from './cheat.ts'
import { CHEATS, type CheatName } from './cheats.ts'

const [, name] = process.argv.splice(process.argv.indexOf('--cheat'), 2)

const { start } = LlamaCppEngine.prototype
LlamaCppEngine.prototype.start = async function cheat(events) {
  // What it starts beside itself is what it is.
  LlamaCppEngine.prototype.start = start
  await start.call(this, events)
  await corrupt(this, CHEATS[name as CheatName])
}

await import('@infernet/provider-agent/cli/main')
