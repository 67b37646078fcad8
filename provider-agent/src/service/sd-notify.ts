import { spawn } from 'node:child_process'
import { MAX_STATUS_CHARS, NOTIFY_TIMEOUT_MS } from './service-limits.ts'

/** What systemd is told, and how it is reached. */
export interface SdNotify {
  /** The agent's start is over. */
  ready(): void
  /** One line for `systemctl status`. */
  status(text: string): void
  /** The agent drains. */
  stopping(): void
  /** Still alive; before `ready`, still starting. */
  beat(): void
  /** How often {@link beat} is wanted, in ms; undefined when nobody waits for it. */
  readonly beatMs: number | undefined
}

const SILENT: SdNotify = {
  ready() {},
  status() {},
  stopping() {},
  beat() {},
  beatMs: undefined,
}

/** Without a watchdog nobody waits, but a start that takes long wants to be extended. */
const DEFAULT_BEAT_MS = 30_000
/** A beat buys this many intervals, so that one may be late. */
const BEATS_BOUGHT = 3

/**
 * Speaks to systemd through its `systemd-notify`, one word at a time: Node has no Unix datagram sockets.
 * Nothing happens, and nothing is spawned, where `NOTIFY_SOCKET` is not set. `onTrouble` hears once
 * that the program cannot be run.
 */
export function sdNotify(
  env: NodeJS.ProcessEnv,
  pid: number,
  onTrouble: (message: string) => void,
): SdNotify {
  if (!env['NOTIFY_SOCKET']) return SILENT
  const speaker = new Speaker(env, onTrouble)
  const beatMs = (watchdogMs(env, pid) ?? 2 * DEFAULT_BEAT_MS) / 2
  let isReady = false
  return {
    beatMs,
    ready() {
      isReady = true
      speaker.say('READY', '1')
    },
    status: (text) => speaker.say('STATUS', oneLine(text)),
    stopping: () => speaker.say('STOPPING', '1'),
    beat() {
      if (isReady) speaker.say('WATCHDOG', '1')
      else speaker.say('EXTEND_TIMEOUT_USEC', String(Math.round(BEATS_BOUGHT * beatMs * 1000)))
    },
  }
}

/** Undefined when there is no watchdog, or when it waits for another process. */
function watchdogMs(env: NodeJS.ProcessEnv, pid: number): number | undefined {
  const { WATCHDOG_USEC: usec = '', WATCHDOG_PID: of = String(pid) } = env
  return /^[1-9]\d*$/.test(usec) && of === String(pid) ? Number(usec) / 1000 : undefined
}

/** A line's end in what others have said would begin another word to systemd. */
const oneLine = (text: string): string =>
  text
    .replace(/\p{Cc}+/gu, ' ')
    .toWellFormed()
    .slice(0, MAX_STATUS_CHARS)

/** One `systemd-notify` at a time; what is said meanwhile goes together, the latest of each name. */
class Speaker {
  readonly #env: NodeJS.ProcessEnv
  readonly #onTrouble: (message: string) => void
  #waiting = new Map<string, string>()
  #isSpeaking = false
  #hasFailed = false

  constructor(env: NodeJS.ProcessEnv, onTrouble: (message: string) => void) {
    this.#env = { PATH: env['PATH'], NOTIFY_SOCKET: env['NOTIFY_SOCKET'] }
    this.#onTrouble = onTrouble
  }

  say(name: string, value: string): void {
    this.#waiting.set(name, value)
    if (!this.#isSpeaking) this.#speak()
  }

  #speak(): void {
    const words = [...this.#waiting].map(([name, value]) => `${name}=${value}`)
    this.#waiting.clear()
    if (words.length === 0) return
    this.#isSpeaking = true
    const child = spawn('systemd-notify', words, {
      env: this.#env,
      stdio: 'ignore',
      timeout: NOTIFY_TIMEOUT_MS,
      killSignal: 'SIGKILL',
    })
    let isOver = false
    const over = (fault: string | undefined): void => {
      if (isOver) return
      isOver = true
      if (fault !== undefined) this.#failed(fault)
      this.#isSpeaking = false
      this.#speak()
    }
    child.on('error', ({ message }) => over(message))
    child.on('exit', (code, signal) => {
      over(code === 0 ? undefined : `it ended with ${signal ?? `code ${code}`}`)
    })
    // It must not keep an agent alive that has ended.
    child.unref()
  }

  #failed(fault: string): void {
    if (this.#hasFailed) return
    this.#hasFailed = true
    this.#onTrouble(`systemd hears nothing of this agent, for systemd-notify failed: ${fault}`)
  }
}
