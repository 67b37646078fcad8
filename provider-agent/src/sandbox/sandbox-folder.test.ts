import { chownSync, mkdirSync, mkdtempSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { makeSandboxFolder, sweepFolders } from './sandbox-folder.ts'

/** No process has this number. */
const DEAD = 'infernet-sandbox-4194999-1-'

describe('what a dead agent has left', () => {
  afterEach(() => vi.unstubAllEnvs())

  function temporary(): string {
    const folder = mkdtempSync(join(tmpdir(), 'infernet-'))
    vi.stubEnv('TMPDIR', folder)
    return folder
  }

  it('is removed, and what is ours or not a folder is not', () => {
    const folder = temporary()
    const own = basename(makeSandboxFolder())
    mkdirSync(join(folder, `${DEAD}a`, 'root'), { recursive: true })
    mkdirSync(join(folder, 'else'))
    symlinkSync('else', join(folder, `${DEAD}link`))
    writeFileSync(join(folder, `${DEAD}file`), '')
    sweepFolders()
    expect(readdirSync(folder).toSorted()).toEqual(
      ['else', own, `${DEAD}file`, `${DEAD}link`].toSorted(),
    )
  })

  it.skipIf(process.getuid?.() !== 0)('is left alone where it is somebody else’s', () => {
    const folder = temporary()
    mkdirSync(join(folder, `${DEAD}b`))
    chownSync(join(folder, `${DEAD}b`), 12_345, 12_345)
    sweepFolders()
    expect(readdirSync(folder)).toEqual([`${DEAD}b`])
  })
})
