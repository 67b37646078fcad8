// `npm run build:agent`: the provider agent as a package for npm, dist/agent.
import { join } from 'node:path'
import { assembleAgentPackage } from './agent-package/assemble.ts'

const folder = join(import.meta.dirname, '..', 'dist', 'agent')
await assembleAgentPackage(folder)
console.log(`${folder}: try it with npm pack ${folder}`)
