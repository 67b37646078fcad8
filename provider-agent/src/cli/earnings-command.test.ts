import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { earningsRequest, type ProviderEarningsJson } from '@infernet/schemas/provider-earnings'
import { readSignedRequest } from '@infernet/schemas/provider-request'
import { PROVIDER_PATH } from '@infernet/schemas/wire'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../clock.ts'
import { AgentWatch } from '../control/agent-watch.ts'
import { openControl } from '../control/open-control.ts'
import { dataDir } from '../data-dir.ts'
import { EventLog } from '../events.ts'
import { EXIT } from '../exit-codes.ts'
import { loadIdentity } from '../identity.ts'
import { writeAgentFile } from '../setup/agent-file.ts'
import { jsonLine } from './event-lines.ts'

const MAIN = join(import.meta.dirname, 'main.ts')
const data = mkdtempSync(join(tmpdir(), 'infernet-'))
const { identity } = loadIdentity(dataDir(data, {}).key)
const EARNINGS: ProviderEarningsJson = {
  object: 'provider_earnings',
  provider: identity.peer,
  standing: 'clear',
  pending_msat: '99',
  held_msat: '0',
  payable_msat: '990',
  in_flight_msat: '0',
  paid_msat: '0',
  earned_msat: '1089',
  lost_msat: '0',
  jobs: 2,
  since: null,
  days: [],
  payouts: [],
}

/** An edge that tells earnings to whom they belong, as the real one does. */
let edge: Server
let url: string
beforeAll(async () => {
  edge = createServer((request, response) => void answer(request, response))
  edge.listen(0, '127.0.0.1')
  await once(edge, 'listening')
  url = `http://127.0.0.1:${(edge.address() as AddressInfo).port}`
})
afterAll(() => edge.close())

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const header = (name: string) => request.headers[name] as string | undefined
  const signed = await readSignedRequest(header, earningsRequest('127.0.0.1'), Date.now())
  const path = signed?.ok === true ? `/v1/providers/${signed.peer}/earnings` : 'none'
  const body = path === request.url ? EARNINGS : { error: { message: 'it is not signed' } }
  response.writeHead(body === EARNINGS ? 200 : 401).end(JSON.stringify(body))
}

async function earnings(...flags: string[]) {
  const child = execFile(process.execPath, [MAIN, 'earnings', ...flags])
  const output = { out: '', err: '' }
  child.stdout?.on('data', (text: string) => (output.out += text))
  child.stderr?.on('data', (text: string) => (output.err += text))
  await once(child, 'close')
  return { code: child.exitCode, ...output }
}

describe('infernet-agent earnings', () => {
  it('asks the edge with the provider’s signature', async () => {
    const { code, out } = await earnings('--data', data, '--edge', url)
    expect(code).toBe(EXIT.ok)
    expect(out).toMatch(/all time +2 +1\.089\n/)
    expect(out).toMatch(/payable +0\.99 /)
    const json = await earnings('--data', data, '--edge', url, '--json')
    expect(JSON.parse(json.out)).toEqual(EARNINGS)
  })

  it('asks the edge of the running agent where none is named', async () => {
    const nobody = await earnings('--data', data)
    expect(nobody.code).toBe(EXIT.usage)
    expect(nobody.err).toContain('infernet-agent earnings --edge https://')
    const control = await openControl({
      socket: dataDir(data, {}).control,
      metricsPort: undefined,
      watch: new AgentWatch(jsonLine, systemClock.monotonic),
      facts: {
        version: '0',
        pid: 1,
        service: undefined,
        role: 'provider',
        peer: identity.peer,
        edge: url.replace('http', 'ws') + PROVIDER_PATH,
        startedAt: 0,
      },
      events: new EventLog(() => {}, Date.now),
      clock: systemClock,
      rssBytes: () => 1,
    })
    const { code, out } = await earnings('--data', data, '--json')
    await control.close()
    expect(code).toBe(EXIT.ok)
    expect(JSON.parse(out)).toEqual(EARNINGS)
  })

  it('asks the edge that setup has chosen where no agent runs', async () => {
    const settings = dataDir(data, {}).settings
    writeAgentFile(settings, { edge: url, engine: 'tiny' })
    const { code, out } = await earnings('--data', data, '--json')
    expect(code).toBe(EXIT.ok)
    expect(JSON.parse(out)).toEqual(EARNINGS)
    writeFileSync(settings, 'nonsense')
    const broken = await earnings('--data', data)
    rmSync(settings)
    expect(broken).toMatchObject({ code: EXIT.usage })
    expect(broken.err).toContain(`${settings}: it is not JSON`)
  })

  it('says what is missing', async () => {
    const none = mkdtempSync(join(tmpdir(), 'infernet-'))
    expect(await earnings('--data', none, '--edge', url)).toMatchObject({ code: EXIT.data })
    const away = await earnings('--data', data, '--edge', 'http://127.0.0.1:1')
    expect(away.code).toBe(EXIT.edge)
    expect(away.err).toContain('cannot ask http://127.0.0.1:1/v1/providers/12D3')
  })
})
