import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'

/** An apt that knows a publisher who is not Debian. */
const APT = `#!/bin/sh
case "$*" in *'Origin: Debian'*) exit ;; esac
echo https://packages.example/
`

it('is made from no mirror but Debian’s', () => {
  const folder = mkdtempSync(join(tmpdir(), 'infernet-'))
  writeFileSync(join(folder, 'apt-get'), APT, { mode: 0o755 })
  const { status, stderr } = spawnSync(
    process.execPath,
    [join(import.meta.dirname, 'debian-base.ts')],
    { encoding: 'utf8', env: { PATH: folder, XDG_CACHE_HOME: folder } },
  )
  rmSync(folder, { recursive: true })
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: 'apt has no Debian source, or has not read it: apt-get update\n',
  })
})
