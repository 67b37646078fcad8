const MIB = 1024 * 1024

/** Until a self-test counts as one that does not end, in ms: a first start from a cold disk takes 5 s. */
export const SELF_TEST_MS = 10_000
/** Until a command of `podman` or `docker` that only lists or removes counts as hung, in ms. */
export const TOOL_MS = 15_000
/** How long a job that is stopped may take to be gone before it is killed, in ms. */
export const STOP_MS = 5_000
/** Of what a job writes as its complaints, in bytes. */
export const MAX_COMPLAINTS_BYTES = 64 * 1024

/** Processes and threads of an engine: vLLM has a thousand on a large machine. */
export const DEFAULT_PIDS = 4096
/** gVisor's own threads count too; with fewer it ends without a word. */
export const MIN_GVISOR_PIDS = 512
/** Of gVisor: any machine has ptrace, a network is not there anyway, and an engine has a socket outside. */
export const RUNSC_FLAGS = ['platform=ptrace', 'network=none', 'host-uds=all'] as const
/** Beside what the plan says that a model takes: the program, and what is read ahead. */
export const MEMORY_MARGIN_BYTES = 1024 * MIB
export const MEMORY_MARGIN = 1.25
/** Of the machine's memory, where there is no plan. */
export const MEMORY_SHARE = 0.9
/** Of the folder for temporary files and of shared memory; both count as memory of the sandbox. */
export const TMP_BYTES = 1024 * MIB
/** Open files, if the agent may have as many itself. */
export const MAX_OPEN_FILES = 65_536

/** Microseconds that a share of the processors is handed out for. */
export const CPU_PERIOD_US = 100_000

/** Who runs inside where the agent is root: of the numbers that Debian keeps free. */
export const SANDBOX_ID = 65_432

/** Of what the self-test runs, each hit on purpose. */
export const TEST_LIMITS = { memoryBytes: 128 * MIB, pids: 24, cpus: 0.5 } as const
