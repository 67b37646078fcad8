// Set-up of all suites, once a run: what tests and their programs put into the temporary folder goes with the run.
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Others may go through it, as through `/tmp`: some tests have a program run as somebody else. */
const MODE = 0o1777

let folder: string | undefined

/** Makes the folder of this run, and has everything use it. */
export function setup(): void {
  if (folder !== undefined) return
  // Short, for the sockets that lie in it: their paths have 107 bytes.
  folder = mkdtempSync(join(tmpdir(), 'infernet-run-'))
  chmodSync(folder, MODE)
  process.env['TMPDIR'] = folder
}

/** Removes it. */
export function teardown(): void {
  if (folder === undefined) return
  // Whatever is mounted there is not the tests' own.
  if (mounts().includes(`${folder}/`)) return console.error(`left behind, for a mount: ${folder}`)
  try {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  } catch (error) {
    console.error(`left behind: ${String(error)}`)
  }
  folder = undefined
}

function mounts(): string {
  try {
    return readFileSync('/proc/self/mounts', 'utf8')
  } catch {
    return ''
  }
}
