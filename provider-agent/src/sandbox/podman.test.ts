import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe } from 'vitest'
import { describeContainers } from './container-conformance.ts'
import { ContainerDriver } from './container.ts'
import { findTool } from './find-tool.ts'
import { describeSandbox } from './sandbox-conformance.ts'

const PODMAN = findTool('podman') ?? ''
const has = (...names: string[]): boolean => names.every((name) => findTool(name) !== undefined)

describe.skipIf(!has('podman', 'runc'))('podman+runc (needs: apt-get install podman runc)', () => {
  const make = (hidden: readonly string[]) =>
    new ContainerDriver({ tool: 'podman', runtime: 'runc', hidden })
  describeSandbox(make)
  describeContainers(make, {
    program: PODMAN,
    root: () => ['--rootfs', mkdtempSync(join(tmpdir(), 'infernet-'))],
  })
})

describe.skipIf(!has('podman', 'runsc'))(
  'podman+runsc (needs: apt-get install podman runsc)',
  () => {
    describeSandbox((hidden) => new ContainerDriver({ tool: 'podman', runtime: 'runsc', hidden }))
  },
)
