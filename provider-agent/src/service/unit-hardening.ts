import type { UnitSettings } from './unit-settings.ts'

/** A line of a unit file: key and value. */
export type UnitLine = readonly [key: string, value: string]

/** Held by seccomp and by the service manager itself, which a user's manager can do as well. */
const FOR_ANYBODY: readonly UnitLine[] = [
  ['UMask', '0077'],
  ['NoNewPrivileges', 'yes'],
  ['LockPersonality', 'yes'],
  ['RestrictRealtime', 'yes'],
  ['RestrictSUIDSGID', 'yes'],
  // Sockets to the edge and the engine; systemd-notify; the list of network interfaces.
  ['RestrictAddressFamilies', 'AF_INET AF_INET6 AF_UNIX AF_NETLINK'],
  ['SystemCallArchitectures', 'native'],
  ['SystemCallErrorNumber', 'EPERM'],
  ['SystemCallFilter', '@system-service'],
  // A core dump would have the key and prompts in it.
  ['LimitCORE', '0'],
]

/** Needs namespaces and capabilities, which only the system's manager has everywhere. */
const FOR_ROOT: readonly UnitLine[] = [
  ['DynamicUser', 'yes'],
  ['ProtectSystem', 'strict'],
  ['ProtectHome', 'tmpfs'],
  ['PrivateTmp', 'yes'],
  ['PrivateMounts', 'yes'],
  ['PrivateIPC', 'yes'],
  ['ProtectClock', 'yes'],
  ['ProtectKernelModules', 'yes'],
  ['ProtectControlGroups', 'yes'],
  ['ProtectProc', 'invisible'],
  ['RemoveIPC', 'yes'],
  ['KeyringMode', 'private'],
  ['CapabilityBoundingSet', ''],
  ['AmbientCapabilities', ''],
]

/**
 * Off where an engine is confined: bwrap makes namespaces, and in them mounts a /proc of its own, which
 * the kernel refuses as long as a part of ours is covered.
 */
const WITHOUT_SANDBOX: readonly UnitLine[] = [
  ['ProtectHostname', 'yes'],
  ['ProtectKernelTunables', 'yes'],
  ['ProtectKernelLogs', 'yes'],
]
/** What bwrap calls, in a user namespace where it may. */
const FOR_SANDBOX: readonly UnitLine[] = [
  ['RestrictNamespaces', 'cgroup ipc mnt net pid user uts'],
  ['SystemCallFilter', '@mount capset sethostname'],
]

/** NVIDIA's devices, AMD's compute device and those of Mesa; a kind that is not there is no fault. */
const GPU_DEVICES = ['char-nvidia*', 'char-kfd', 'char-drm']

/**
 * What the service may not do. ProcSubset stays off as well, for Node and engines read the machine's
 * memory and processors in /proc.
 */
export function hardening(settings: UnitSettings): UnitLine[] {
  const calls: UnitLine = [
    'SystemCallFilter',
    `~@privileged${settings.ownEngine ? '' : ' @resources'}`,
  ]
  const { sandboxed } = settings
  const namespaces: readonly UnitLine[] = sandboxed ? FOR_SANDBOX : [['RestrictNamespaces', 'yes']]
  const everywhere = [...FOR_ANYBODY, calls, ...namespaces]
  if (settings.scope === 'user') return everywhere
  const covers = sandboxed ? [] : WITHOUT_SANDBOX
  return [...FOR_ROOT, ...covers, ...devices(settings), ...everywhere]
}

function devices({ gpu, groups }: UnitSettings): UnitLine[] {
  if (!gpu)
    return [
      ['PrivateDevices', 'yes'],
      ['PrivateUsers', 'yes'],
    ]
  // Under PrivateUsers the GPU's group would be nobody's.
  return [
    ['DevicePolicy', 'closed'],
    ...GPU_DEVICES.map((device): UnitLine => ['DeviceAllow', `${device} rw`]),
    ...(groups.length === 0 ? [] : [['SupplementaryGroups', groups.join(' ')] as const]),
  ]
}
