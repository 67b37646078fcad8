import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { closedProfile } from './seccomp-profile.ts'

it('takes from a profile what no engine needs, and keeps the rest as it is', () => {
  const path = join(mkdtempSync(join(tmpdir(), 'infernet-')), 'seccomp.json')
  const rule = (...names: string[]) => ({ names, action: 'SCMP_ACT_ALLOW', args: [] })
  const profile = {
    defaultAction: 'SCMP_ACT_ERRNO',
    archMap: [{ architecture: 'SCMP_ARCH_X86_64' }],
    syscalls: [rule('read', 'unshare', 'clone'), rule('socket'), rule('write')],
  }
  writeFileSync(path, JSON.stringify(profile))
  const found = closedProfile(['/nowhere.json', path])
  expect(found).toMatchObject({ archMap: profile.archMap, defaultAction: 'SCMP_ACT_ERRNO' })
  expect(found?.syscalls.slice(0, 2)).toEqual([rule('read'), rule('write')])
  const allowed = found?.syscalls.filter(({ action }) => action === 'SCMP_ACT_ALLOW') ?? []
  expect(allowed.flatMap(({ names }) => names)).not.toContain('unshare')
  const conditional = allowed.filter(({ names }) => names[0] === 'clone' || names[0] === 'socket')
  expect(conditional.every(({ args }) => Array.isArray(args) && args.length === 1)).toBe(true)
  expect(closedProfile(['/nowhere.json'])).toBeUndefined()
})
