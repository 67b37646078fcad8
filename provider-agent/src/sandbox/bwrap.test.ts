import { describe } from 'vitest'
import { BwrapDriver } from './bwrap.ts'
import { findTool } from './find-tool.ts'
import { describeSandbox } from './sandbox-conformance.ts'

const isThere = findTool('bwrap') !== undefined

describe.skipIf(!isThere)('bwrap (needs it: apt-get install bubblewrap)', () => {
  describeSandbox((hidden) => new BwrapDriver({ hidden }))
})
