import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { ENGINE_CALLS } from './engine-calls.ts'
import { DENIED_CALLS, NAMESPACE_FLAGS, SOCKET_FAMILIES } from './syscalls.ts'

/** Where podman has its own: an owner's first, then the system's. */
const PLACES = ['/etc/containers/seccomp.json', '/usr/share/containers/seccomp.json']

const ruleSchema = z.looseObject({ names: z.array(z.string()), action: z.string() })
const profileSchema = z.looseObject({ defaultAction: z.string(), syscalls: z.array(ruleSchema) })

/** What a container's calls are filtered by, as OCI's runtimes read it. */
export type SeccompProfile = z.infer<typeof profileSchema>

const OURS = new Set([...DENIED_CALLS, 'clone', 'clone3', 'socket', 'socketpair', 'umount'])
const AF_UNIX = 1
const [EPERM, ENOSYS] = [1, 38]
const [ALLOW, ERRNO] = ['SCMP_ACT_ALLOW', 'SCMP_ACT_ERRNO']

/**
 * Podman's own profile without what it lets through and no engine needs: namespaces of its own, mounts,
 * io_uring, sockets of a kind that leads out. Undefined where podman's is not found.
 */
export function closedProfile(places: readonly string[] = PLACES): SeccompProfile | undefined {
  for (const place of places) {
    try {
      return closed(profileSchema.parse(JSON.parse(readFileSync(place, 'utf8'))))
    } catch {
      continue
    }
  }
  return undefined
}

/**
 * The same with a list of our own, for tools whose profile is in no file: Docker's of 20.10 lets through ptrace, io_uring
 * and AF_VSOCK.
 */
export const ownProfile = (): SeccompProfile =>
  closed({
    defaultAction: ERRNO,
    // As if the kernel did not have it: C libraries then do without.
    defaultErrnoRet: ENOSYS,
    syscalls: [{ names: [...ENGINE_CALLS], action: ALLOW }],
  })

/** A condition on a call's first argument. */
const first = (op: string, value: number) => [{ index: 0, value, valueTwo: 0, op }]

function closed(profile: SeccompProfile): SeccompProfile {
  const rest = profile.syscalls.flatMap((rule) => {
    const names = rule.names.filter((name) => !OURS.has(name))
    return names.length === 0 ? [] : [{ ...rule, names }]
  })
  return {
    ...profile,
    // Only the processor's own calls: of those of 32 bits a filter does not see which socket one makes. They end what
    // makes them.
    archMap: undefined,
    architectures: undefined,
    syscalls: [
      ...rest,
      { names: [...DENIED_CALLS], action: ERRNO, errnoRet: EPERM },
      // Its flags are where no filter sees them; C libraries then take clone.
      { names: ['clone3'], action: ERRNO, errnoRet: ENOSYS },
      {
        names: ['clone'],
        action: ALLOW,
        args: first('SCMP_CMP_MASKED_EQ', NAMESPACE_FLAGS),
      },
      ...SOCKET_FAMILIES.map((family) => ({
        names: ['socket'],
        action: ALLOW,
        args: first('SCMP_CMP_EQ', family),
      })),
      { names: ['socketpair'], action: ALLOW, args: first('SCMP_CMP_EQ', AF_UNIX) },
    ],
  }
}
