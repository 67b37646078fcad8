/** A call's numbers: of x86-64, and of ARM. -1 where it is not there. */
type Numbers = readonly [x64: number, arm64: number]

/** Calls that no engine needs, and that have got many out of a container. */
const DENIED: Readonly<Record<string, Numbers>> = {
  // Other processes.
  ptrace: [101, 117],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  kcmp: [312, 272],
  pidfd_getfd: [438, 438],
  // Namespaces and mounts.
  unshare: [272, 97],
  setns: [308, 268],
  mount: [165, 40],
  umount2: [166, 39],
  pivot_root: [155, 41],
  chroot: [161, 51],
  open_tree: [428, 428],
  open_tree_attr: [467, 467],
  move_mount: [429, 429],
  fsopen: [430, 430],
  fsconfig: [431, 431],
  fsmount: [432, 432],
  fspick: [433, 433],
  mount_setattr: [442, 442],
  name_to_handle_at: [303, 264],
  open_by_handle_at: [304, 265],
  // Parts of the kernel with a long list of holes.
  add_key: [248, 217],
  request_key: [249, 218],
  keyctl: [250, 219],
  bpf: [321, 280],
  perf_event_open: [298, 241],
  userfaultfd: [323, 282],
  io_uring_setup: [425, 425],
  io_uring_enter: [426, 426],
  io_uring_register: [427, 427],
  fanotify_init: [300, 262],
  lookup_dcookie: [212, 18],
  // The machine itself.
  init_module: [175, 105],
  finit_module: [313, 273],
  delete_module: [176, 106],
  kexec_load: [246, 104],
  kexec_file_load: [320, 294],
  reboot: [169, 142],
  swapon: [167, 224],
  swapoff: [168, 225],
  acct: [163, 89],
  quotactl: [179, 60],
  quotactl_fd: [443, 443],
  syslog: [103, 116],
  vhangup: [153, 58],
  iopl: [172, -1],
  ioperm: [173, -1],
  settimeofday: [164, 170],
  clock_settime: [227, 112],
  clock_adjtime: [305, 266],
  adjtimex: [159, 171],
  sethostname: [170, 161],
  setdomainname: [171, 162],
  // What is obsolete.
  uselib: [134, -1],
  ustat: [136, -1],
  sysfs: [139, -1],
  modify_ldt: [154, -1],
  _sysctl: [156, -1],
  nfsservctl: [180, 42],
}

export const DENIED_CALLS: ReadonlySet<string> = new Set(Object.keys(DENIED))

/** CLONE_NEW…: namespaces, in which a process has rights that it lacks here. */
export const NAMESPACE_FLAGS = 0x7e020000
/** AF_UNIX, AF_INET, AF_INET6, AF_NETLINK. AF_VSOCK would reach the machine that this one is a guest of. */
export const SOCKET_FAMILIES = [1, 2, 10, 16]

/** What a filter has to know of a processor's calls. */
export interface CallTable {
  /** `AUDIT_ARCH_…` of the kernel. */
  readonly arch: number
  readonly clone: number
  readonly clone3: number
  readonly socket: number
  readonly socketpair: number
  readonly ioctl: number
  readonly denied: readonly number[]
}

const denied = (column: 0 | 1): number[] =>
  Object.values(DENIED).flatMap((numbers) => (numbers[column] === -1 ? [] : [numbers[column]]))

/** By Node's names of processors. */
export const CALLS: Readonly<Partial<Record<NodeJS.Architecture, CallTable>>> = {
  x64: {
    arch: 0xc000003e,
    clone: 56,
    clone3: 435,
    socket: 41,
    socketpair: 53,
    ioctl: 16,
    denied: denied(0),
  },
  arm64: {
    arch: 0xc00000b7,
    clone: 220,
    clone3: 435,
    socket: 198,
    socketpair: 199,
    ioctl: 29,
    denied: denied(1),
  },
}
