import { readFileSync } from 'node:fs'

/** The systemd unit in the text of `/proc/<pid>/cgroup`: the innermost service. */
export function unitIn(cgroup: string): string | undefined {
  const services = cgroup.match(/[^/\n]+\.service(?=\/|\n|$)/g) ?? []
  return services.findLast((name) => !name.startsWith('user@'))
}

/** The systemd unit that this process was started by; undefined where there is none. */
export function ownUnit(env: NodeJS.ProcessEnv): string | undefined {
  // systemd gives it to what it starts; other processes in a service's group are none of its own.
  if (env['INVOCATION_ID'] === undefined) return undefined
  try {
    return unitIn(readFileSync('/proc/self/cgroup', 'utf8'))
  } catch {
    return undefined
  }
}
