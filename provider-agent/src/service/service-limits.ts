/** The service's bounds. Times in seconds where a unit file has them so. */

/** Silence after which systemd kills and restarts; a beat comes twice in that time. */
export const WATCHDOG_SECONDS = 120
/** Until the first word: Node and its modules from a cold disk. Beats extend it while a model loads. */
export const START_SECONDS = 120
/** After the grace for jobs: the last receipts, the closing handshake, the engine's end. */
export const STOP_MARGIN_SECONDS = 30

/** The pause before a restart: doubling from the first to the longest, in so many steps. */
export const RESTART_SECONDS = 2
export const RESTART_STEPS = 6
export const RESTART_MAX_SECONDS = 60
/** The same pause always, where systemd is older than {@link RESTART_STEPS_SYSTEMD}. */
export const RESTART_FIXED_SECONDS = 15
export const RESTART_STEPS_SYSTEMD = 254
/** More starts than the pauses above allow: somebody else restarts it in a circle. */
export const START_LIMIT_SECONDS = 300
export const START_LIMIT_BURST = 40

/** Credentials came with 247; this is the oldest that is still in a supported distribution. */
export const OLDEST_SYSTEMD = 249

/**
 * Beside a server: jobs may hold a quarter of this, and at most as much again comes of the agent's other bounds:
 * transcripts, the socket's backlog, receipts that are not stored, and what it is itself.
 */
export const MEMORY_BESIDE_SERVER = '2G'
/** With an engine of its own, whose size only the owner knows: so much of the machine. */
export const MEMORY_WITH_ENGINE = '90%'
/** Threads and processes. Node has 15; engines have several for each core and GPU. */
export const TASKS_BESIDE_SERVER = 256
export const TASKS_WITH_ENGINE = 8192

/** A word to systemd; it takes milliseconds. */
export const NOTIFY_TIMEOUT_MS = 5_000
/** Of what others have said and `systemctl status` shows. */
export const MAX_STATUS_CHARS = 200
/** `systemctl` and `journalctl`, when they answer from memory. */
export const QUERY_TIMEOUT_MS = 10_000
/** A start is waited for this long; a model that takes longer goes on loading. */
export const START_WAIT_MS = 60_000
/** A stop: the longest grace that `run` takes, and {@link STOP_MARGIN_SECONDS}. */
export const STOP_WAIT_MS = (3600 + STOP_MARGIN_SECONDS) * 1000
export const MAX_OUTPUT_BYTES = 256 * 1024
/** Lines of the journal that `status` shows. */
export const JOURNAL_LINES = 8
/** A key for an engine: API keys have a hundred characters. */
export const MAX_CREDENTIAL_BYTES = 8192
