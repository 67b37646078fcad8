import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { FreshDebian } from './fresh-debian.ts'

/** Its child is no systemd, and stays for a while, as one that mounts what it needs. */
const NEVER_BOOTS = '/bin/sleep 1; echo no such base >&2; exit 1'

describe('a Debian that does not boot', () => {
  const folder = mkdtempSync(join(tmpdir(), 'infernet-'))
  const bin = join(folder, 'bin')
  const temporary = join(folder, 'tmp')

  const program = (name: string, script: string) =>
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })

  beforeEach(() => {
    for (const path of [bin, temporary, join(folder, 'lib/node_modules/npm')])
      mkdirSync(path, { recursive: true })
    program('node', '')
    program('nsenter', 'echo running')
    vi.stubEnv('PATH', bin)
    vi.stubEnv('TMPDIR', temporary)
  })
  afterEach(() => {
    vi.unstubAllEnvs()
    rmSync(folder, { recursive: true, force: true })
  })

  it('is not taken for the machine that it would run on, and leaves nothing', async () => {
    program('unshare', NEVER_BOOTS)
    await expect(FreshDebian.boot({})).rejects.toThrow('Debian does not boot:  no such base')
    expect(readdirSync(temporary)).toEqual([])
  })

  it('says that unshare is not there, and leaves nothing', async () => {
    await expect(FreshDebian.boot({})).rejects.toThrow(
      'Debian does not boot:  spawn unshare ENOENT',
    )
    expect(readdirSync(temporary)).toEqual([])
  })
})
