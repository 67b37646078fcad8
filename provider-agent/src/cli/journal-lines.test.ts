import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fstatSync, mkdtempSync, openSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { AgentEvent } from '../events.ts'
import { EXIT } from '../exit-codes.ts'
import { FakeEdge } from '../testing/fake-edge.ts'
import { lineOfEvent } from './event-lines.ts'
import { idsOf, isJournal, journalText, priorityOf } from './journal-lines.ts'

const MAIN = join(import.meta.dirname, 'main.ts')

const facts = {
  job: 'job_1',
  lease: 'job_1.1',
  model: 'm',
  prompt_tokens: 10,
  completion_tokens: 20,
  estimated: false,
  ttft_ms: 100,
  duration_ms: 1_100,
  earned_msat: 9,
}
const failed = { event: 'job_failed', code: 'c', message: 'm', ...facts } as const

describe('the priority of a line', () => {
  it.each<[number, AgentEvent]>([
    [3, { event: 'gave_up', reason: 'r', next_step: 'n' }],
    [3, { event: 'job_lost', ...facts }],
    [3, { ...failed, fault: 'provider' }],
    [6, { ...failed, fault: 'request' }],
    [3, { event: 'receipts_dropped', batches: 1, reason: 'r' }],
    [4, { event: 'receipts_unstored', reason: 'r' }],
    [4, { event: 'disconnected', reason: 'r', next_step: 'n', retry_ms: 1 }],
    [4, { event: 'transcript_opened', lease: 'l', found: false }],
    [6, { event: 'transcript_opened', lease: 'l', found: true }],
    [4, { event: 'models', engine: 'e', models: [], offers: [], data_collection: 'deny' }],
    [6, { event: 'models', engine: 'e', models: ['m'], offers: [], data_collection: 'deny' }],
    [4, { event: 'engine_sandbox', driver: 'none', gaps: [], passed: [] }],
    [6, { event: 'engine_sandbox', driver: 'bwrap', gaps: [], passed: [] }],
    [6, { event: 'job_done', ...facts }],
    [6, { event: 'paused', why: 'owner', message: 'm' } as unknown as AgentEvent],
  ])('is %i for %j', (priority, event) => {
    expect(priorityOf(event)).toBe(priority)
    // What a person sees marked is marked in the journal.
    if (lineOfEvent(event, 0).includes(' ! ')) expect(priority).toBe(4)
  })

  it('stands before each line of a text', () => {
    expect(journalText('one\n  two', 4)).toBe('<4>one\n<4>  two')
  })
})

describe('the ids at the end of a line', () => {
  it('are those of the job, or of what is known of it, and else none', () => {
    expect(idsOf({ event: 'job_done', ...facts })).toBe(' job=job_1 lease=job_1.1')
    const audited = { event: 'transcript_opened', lease: 'job_1.1', found: true } as const
    expect(idsOf(audited)).toBe(' lease=job_1.1')
    expect(idsOf({ event: 'gave_up', reason: 'r', next_step: 'n' })).toBe('')
  })
})

describe('whether a file is the journal', () => {
  it('goes by its device and inode', () => {
    const file = openSync(join(mkdtempSync(join(tmpdir(), 'infernet-')), 'log'), 'w')
    const { dev, ino } = fstatSync(file)
    expect(isJournal(`${dev}:${ino}`, fstatSync, file)).toBe(true)
    expect(isJournal(`${dev}:${ino + 1}`, fstatSync, file)).toBe(false)
    expect(isJournal(undefined, fstatSync, file)).toBe(false)
    expect(isJournal(`${dev}:${ino}`, fstatSync, 9_999)).toBe(false)
  })
})

describe('infernet-agent run, into the journal', () => {
  const edge = new FakeEdge()
  afterEach(() => edge.close())

  /** Runs the agent with a file as its output, of which it is told that it is the journal. */
  function run(url: string, more: readonly string[] = []) {
    const folder = mkdtempSync(join(tmpdir(), 'infernet-'))
    const path = join(folder, 'log')
    const log = openSync(path, 'a')
    const { dev, ino } = fstatSync(log)
    const args = [MAIN, 'run', '--edge', url, '--engine', 'tiny', '--data', folder, ...more]
    const env = { ...process.env, JOURNAL_STREAM: `${dev}:${ino}` }
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', log, log] })
    const exited = once(child, 'close').then(() => ({
      code: child.exitCode,
      lines: readFileSync(path, 'utf8').trimEnd().split('\n'),
    }))
    return { child, exited }
  }

  it('gives each line its priority, and each job its ids', async () => {
    await edge.start()
    const { child, exited } = run(edge.url)
    const session = await edge.session()
    const messages = [{ role: 'user', content: 'hello' }]
    const { job, lease } = session.give(1, { model: 'infernet-demo', messages })
    await session.answer(1)
    child.kill('SIGTERM')
    const { code, lines } = await exited
    expect(code).toBe(EXIT.ok)
    expect(lines.filter((line) => !/^<[346]>/.test(line))).toEqual([])
    expect(lines.filter((line) => line.includes('your earnings wait'))).toEqual([
      expect.stringMatching(/^<4>/),
    ])
    const done = lines.filter((line) => line.includes(' done infernet-demo'))
    expect(done).toEqual([expect.stringMatching(/^<6>.* msat job=\S+ lease=\S+$/)])
    expect(done[0]).toContain(`job=${job} lease=${lease}`)
  })

  it('has its last words, why it cannot run, as an error', async () => {
    const { code, lines } = await run('nonsense').exited
    expect(code).toBe(EXIT.usage)
    expect(lines.at(-1)).toMatch(/^<3>infernet-agent: /)
  })
})
