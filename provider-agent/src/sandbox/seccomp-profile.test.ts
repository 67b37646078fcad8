import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { ENGINE_CALLS } from './engine-calls.ts'
import { closedProfile, ownProfile } from './seccomp-profile.ts'
import { DENIED_CALLS } from './syscalls.ts'

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
  expect(found).toMatchObject({ defaultAction: 'SCMP_ACT_ERRNO' })
  // It is for the processor's own calls alone.
  expect(JSON.stringify(found)).not.toContain('SCMP_ARCH')
  expect(found?.syscalls.slice(0, 2)).toEqual([rule('read'), rule('write')])
  const allowed = found?.syscalls.filter(({ action }) => action === 'SCMP_ACT_ALLOW') ?? []
  expect(allowed.flatMap(({ names }) => names)).not.toContain('unshare')
  const conditional = allowed.filter(({ names }) => names[0] === 'clone' || names[0] === 'socket')
  expect(conditional.every(({ args }) => Array.isArray(args) && args.length === 1)).toBe(true)
  expect(closedProfile(['/nowhere.json'])).toBeUndefined()
})

it('lets through by a list of its own, and refuses whatever is not in it', () => {
  const { defaultAction, defaultErrnoRet, syscalls } = ownProfile()
  expect({ defaultAction, defaultErrnoRet }).toEqual({
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: 38,
  })
  const allowed = syscalls.filter(({ action }) => action === 'SCMP_ACT_ALLOW')
  const [list, ...conditional] = allowed
  expect(list?.names).toEqual(ENGINE_CALLS)
  expect(conditional.map(({ names }) => names)).toEqual([
    ['clone'],
    ...Array.from({ length: 4 }, () => ['socket']),
    ['socketpair'],
  ])
  expect(ENGINE_CALLS.filter((name) => DENIED_CALLS.has(name))).toEqual([])
  expect(new Set(ENGINE_CALLS).size).toBe(ENGINE_CALLS.length)
})
