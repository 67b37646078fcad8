import type { Target } from '../target.ts'
import { direct } from './direct.ts'
import { infernetNode, infernetWorkerd } from './infernet.ts'
import { hasNginx, nginx } from './nginx.ts'
import { portkey } from './portkey.ts'
import { relay } from './relay.ts'

/** Every target, in the order of the report. */
export const TARGETS: readonly Target[] = [
  direct,
  ...(hasNginx ? [nginx] : []),
  relay,
  portkey,
  infernetNode,
  infernetWorkerd,
]
