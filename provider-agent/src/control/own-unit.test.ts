import { describe, expect, it } from 'vitest'
import { unitIn } from './own-unit.ts'

describe('unitIn', () => {
  it.each([
    ['0::/system.slice/infernet-agent.service\n', 'infernet-agent.service'],
    [
      '0::/user.slice/user-1000.slice/user@1000.service/app.slice/infernet-agent.service\n',
      'infernet-agent.service',
    ],
    ['1:name=systemd:/system.slice/a.service/payload\n', 'a.service'],
    ['0::/user.slice/user-1000.slice/user@1000.service/init.scope\n', undefined],
    ['0::/user.slice/user-1000.slice/session-3.scope\n', undefined],
    ['', undefined],
  ])('%j: %s', (cgroup, unit) => {
    expect(unitIn(cgroup)).toBe(unit)
  })
})
