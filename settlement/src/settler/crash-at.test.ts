import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { crashAt, takePlan } from './crash-at.ts'

/** A signal that no plan has. */
const HUP = '{"id":1,"step":"paid","pids":[11],"signal":"SIGHUP"}'

describe('a crash that a test asks for', () => {
  let folder: string
  let file: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'infernet-crash-'))
    file = join(folder, 'crash')
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  function planned(kill: (pid: number, signal: string) => void): (step: string) => void {
    const at = crashAt({ INFERNET_CRASH_FILE: file }, kill)
    if (at === undefined) throw new Error('nothing is planned')
    return at
  }

  it('comes at that step, to those processes, once', () => {
    const killed: number[] = []
    const at = planned((pid) => killed.push(pid))
    at('paid')
    writeFileSync(file, JSON.stringify({ id: 1, step: 'order:issuing', pids: [11, 12] }))
    at('paid')
    expect(killed).toEqual([])
    at('order:issuing')
    at('order:issuing')
    expect(killed).toEqual([11, 12])
    expect(takePlan(file, 1)).toBe(false)
  })

  it('does not come when the test has called it off, nor take the next one with it', () => {
    const killed: number[] = []
    const at = planned((pid) => killed.push(pid))
    writeFileSync(file, JSON.stringify({ id: 1, step: 'paid', pids: [11] }))
    expect(takePlan(file, 1)).toBe(true)
    at('paid')
    expect(killed).toEqual([])
    writeFileSync(file, JSON.stringify({ id: 2, step: 'paid', pids: [12] }))
    at('paid')
    expect(killed).toEqual([12])
  })

  it('may be a freeze', () => {
    const signals: string[] = []
    const at = planned((_pid, signal) => signals.push(signal))
    writeFileSync(file, JSON.stringify({ id: 1, step: 'paid', pids: [11] }))
    at('paid')
    writeFileSync(file, JSON.stringify({ id: 2, step: 'paid', pids: [11], signal: 'SIGSTOP' }))
    at('paid')
    expect(signals).toEqual(['SIGKILL', 'SIGSTOP'])
  })

  it('never comes unasked, for nonsense, or in production', () => {
    const killed: number[] = []
    const kill = (pid: number) => killed.push(pid)
    writeFileSync(file, JSON.stringify({ id: 1, step: 'paid', pids: [11] }))
    expect(crashAt({}, kill)).toBe(undefined)
    const production = { INFERNET_CRASH_FILE: file, INFERNET_ENV: 'production' }
    expect(crashAt(production, kill)).toBe(undefined)
    for (const nonsense of [
      '',
      '{',
      '{"id":1,"step":"paid"}',
      '{"id":1,"step":"paid","pids":[-1]}',
      HUP,
    ]) {
      writeFileSync(file, nonsense)
      crashAt({ INFERNET_CRASH_FILE: file }, kill)?.('paid')
    }
    expect(killed).toEqual([])
  })
})
