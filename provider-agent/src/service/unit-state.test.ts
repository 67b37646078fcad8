import { describe, expect, it } from 'vitest'
import { parseUnitState } from './unit-state.ts'

/** Of systemd 252, 2026-11-26. */
const RUNNING = `Type=notify
Restart=always
NRestarts=2
MainPID=290
Result=success
StatusText=connected to wss://e; 1 jobs done, 0.005 sat = little
MemoryCurrent=98304000
LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled
StateChangeTimestamp=@1795700420
ExecMainStatus=0
`
const ABSENT = `Result=success
MainPID=0
NRestarts=0
MemoryCurrent=[not set]
LoadState=not-found
ActiveState=inactive
SubState=dead
UnitFileState=
StateChangeTimestamp=
`

describe('parseUnitState', () => {
  it('reads a running service', () => {
    expect(parseUnitState(RUNNING)).toEqual({
      installed: true,
      active: 'active',
      sub: 'running',
      enabled: true,
      status: 'connected to wss://e; 1 jobs done, 0.005 sat = little',
      result: 'success',
      exitCode: 0,
      restarts: 2,
      pid: 290,
      memoryBytes: 98_304_000,
      since: 1_795_700_420_000,
    })
  })

  it('reads one that is not there', () => {
    const state = parseUnitState(ABSENT)
    expect(state).toMatchObject({ installed: false, active: 'inactive', enabled: false })
    expect(state).not.toHaveProperty('pid')
    expect(state).not.toHaveProperty('since')
    expect(state).not.toHaveProperty('memoryBytes')
  })

  it('knows what it does not know', () => {
    expect(parseUnitState('Failed to get properties')).toBeUndefined()
  })
})
