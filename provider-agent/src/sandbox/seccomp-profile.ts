import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { DENIED_CALLS, NAMESPACE_FLAGS, SOCKET_FAMILIES } from './syscalls.ts'

/** Where podman has its own: an owner's first, then the system's. */
const PLACES = ['/etc/containers/seccomp.json', '/usr/share/containers/seccomp.json']

const ruleSchema = z.looseObject({ names: z.array(z.string()), action: z.string() })
const profileSchema = z.looseObject({ defaultAction: z.string(), syscalls: z.array(ruleSchema) })

/** What a container's calls are filtered by, as OCI's runtimes read it. */
export type SeccompProfile = z.infer<typeof profileSchema>

const OURS = new Set([...DENIED_CALLS, 'clone', 'clone3', 'socket', 'umount'])
const [EPERM, ENOSYS] = [1, 38]

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

/** A condition on a call's first argument. */
const first = (op: string, value: number) => [{ index: 0, value, valueTwo: 0, op }]

function closed(profile: SeccompProfile): SeccompProfile {
  const rest = profile.syscalls.flatMap((rule) => {
    const names = rule.names.filter((name) => !OURS.has(name))
    return names.length === 0 ? [] : [{ ...rule, names }]
  })
  const ALLOW = 'SCMP_ACT_ALLOW'
  const ERRNO = 'SCMP_ACT_ERRNO'
  return {
    ...profile,
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
    ],
  }
}
