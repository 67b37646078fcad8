import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { openDatabase } from '@infernet/settlement/db/database'
import { connectNeon } from '../../db/neon-db.ts'
import { writeLedgerEvents } from '../../db/ledger-events.ts'
import { FEE_BPS, finishedJob, fundedBatch } from '../../db/conformance/fixtures.ts'
import { startDatabaseServer, type DatabaseServer } from './database-server.ts'
import { MAX_BODY_BYTES } from './sql-over-http.ts'

describe('the SQL-over-HTTP protocol', () => {
  let server: DatabaseServer
  beforeAll(async () => {
    server = await startDatabaseServer({ port: 0 })
  }, 60_000)
  afterAll(() => server.close())

  const post = async (body: string, headers: Record<string, string> = {}) => {
    const response = await fetch(server.url, { method: 'POST', body, headers })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  const send = (body: unknown) => post(JSON.stringify(body))

  it('answers a statement with its fields and raw values', async () => {
    expect(await send({ query: 'select $1::int4 as n', params: ['7'] })).toMatchObject({
      status: 200,
      body: {
        fields: [{ name: 'n', dataTypeID: 23 }],
        rows: [['7']],
        command: 'SELECT',
        rowCount: 1,
      },
    })
  })

  it('runs several statements as one transaction', async () => {
    const insert = "insert into accounts (id, name) values ('both', 'x')"
    const queries = [{ query: insert }, { query: 'select count(*) from accounts' }]
    expect(await send({ queries: [...queries, { query: 'select 1/0' }] })).toMatchObject({
      status: 400,
      body: { code: '22012', severity: 'ERROR' },
    })
    expect((await send({ queries })).body).toMatchObject({
      results: [{ rowCount: 1 }, { rows: [['1']] }],
    })
  })

  it('refuses what it does not understand and keeps running', async () => {
    expect((await post('{')).status).toBe(400)
    expect((await send({ query: 1 })).status).toBe(400)
    expect((await send({ query: 'select $1::bool', params: [true] })).status).toBe(400)
    expect((await post('x'.repeat(MAX_BODY_BYTES + 1))).status).toBe(413)
    expect((await fetch(server.url)).status).toBe(404)
    expect((await send({ query: 'select 1' })).status).toBe(200)
  })
})

const ready = async (child: ChildProcessWithoutNullStreams) => {
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  return openDatabase(connectNeon((JSON.parse(line) as { url: string }).url))
}

/** Five processes start one after the other, on a machine that may be busy; only a hang lasts longer. */
const PROCESSES_MS = 180_000

describe('its process', () => {
  const program = fileURLToPath(new URL('database-server.ts', import.meta.url))
  const children = new Set<ChildProcessWithoutNullStreams>()
  let folder: string
  /** Of all tests: making a database takes seconds, opening one does not. */
  let dataDir: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'infernet-database-'))
    dataDir = join(folder, 'kept')
  })
  afterEach(() => {
    for (const child of children) child.kill('SIGKILL')
    children.clear()
  })
  afterAll(() => rm(folder, { recursive: true }))

  const start = (...args: string[]) => {
    const child = spawn(process.execPath, [program, ...args], {
      env: { ...process.env, INFERNET_SUPERVISED: '1' },
    })
    children.add(child)
    return child
  }
  it(
    'keeps what it acknowledged through kill -9 and a clean stop, for one process at a time',
    async () => {
      const first = start('--data', dataDir)
      const job = finishedJob()
      expect(await writeLedgerEvents(await ready(first), fundedBatch([job]), FEE_BPS)).toBe(2)

      const second = start('--data', dataDir)
      const complaint = once(second.stderr, 'data').then(String)
      expect((await once(second, 'exit'))[0]).toBe(1)
      expect(await complaint).toContain('Another process works in')

      first.kill('SIGKILL')
      await once(first, 'exit')
      const third = start('--data', dataDir)
      const more = fundedBatch([job, finishedJob()])
      expect(await writeLedgerEvents(await ready(third), more, FEE_BPS)).toBe(2)

      third.kill('SIGTERM')
      expect(await once(third, 'exit')).toEqual([0, null])
      const fourth = start('--data', dataDir)
      expect(await writeLedgerEvents(await ready(fourth), more, FEE_BPS)).toBe(0)
    },
    PROCESSES_MS,
  )

  it(
    'ends with its supervisor',
    async () => {
      const child = start('--data', dataDir)
      await ready(child)
      child.stdin.end()
      expect(await once(child, 'exit')).toEqual([0, null])
    },
    PROCESSES_MS,
  )
})
