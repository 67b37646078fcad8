import { readdirSync, readFileSync } from 'node:fs'

/** A process of this machine. */
export interface Running {
  readonly pid: number
  readonly args: readonly string[]
}

/** All processes of this machine that have `word` in their command line; none that have ended. */
export const processesWith = (word: string): readonly Running[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => ({ pid: Number(pid), args: commandLine(pid).split('\0') }))
    .filter(({ args }) => args.some((arg) => arg.includes(word)))

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}
