/** A driver's program that takes longer hangs: with a lost GPU they do. */
export const COMMAND_TIMEOUT_MS = 5_000
/**
 * The same for the first look at a machine: macOS looks at all of it before it answers, and GPUs that
 * nothing keeps awake wake up one by one.
 */
export const PROBE_TIMEOUT_MS = 15_000
/** What the kernel may take to bury a killed program, until it is left to itself. */
export const KILL_GRACE_MS = 500
/** `nvidia-smi` writes 100 bytes a GPU, `amd-smi` and `system_profiler` some ten kilobytes. */
export const MAX_COMMAND_BYTES = 1024 * 1024

/** How long a start waits to know the hardware; what comes later is told later. */
export const HARDWARE_WAIT_MS = 3_000
/** GPUs with less memory run no model; processors have such for the screen. */
export const MIN_GPU_MIB = 1024

/** How often a running agent looks at its GPUs: each look starts a program. */
export const GPU_WATCH_INTERVAL_MS = 10_000
/** Measured speeds are told this often: an edge writes each record down. */
export const SPEED_INTERVAL_MS = 10 * 60_000
