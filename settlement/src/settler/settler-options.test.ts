import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { durationMs, runOptions, type RunFlags } from './run-options.ts'
import { settlerKeys } from './settler-key.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'infernet-settler-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

describe('the key file', () => {
  it('is made once, for its owner only, and gives the same keys again', () => {
    const path = join(dir, 'key')
    expect(() => settlerKeys(path, false)).toThrow('--create-key')
    const keys = settlerKeys(path, true)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(settlerKeys(path, false)).toEqual(keys)
    expect(settlerKeys(path, true)).toEqual(keys)
    expect(keys.preimageKey).not.toEqual(keys.keysendKey)
    expect(keys.preimageKey).toHaveLength(32)
  })

  it('may be raw bytes, and hex is what it stands for', () => {
    const [raw, hex] = [join(dir, 'raw'), join(dir, 'hex')]
    const bytes = Buffer.alloc(40, 200)
    writeFileSync(raw, bytes, { mode: 0o600 })
    writeFileSync(hex, ` ${bytes.toString('hex')}\n`, { mode: 0o600 })
    expect(settlerKeys(raw, false)).toEqual(settlerKeys(hex, false))
  })

  it('is refused when it is short, or when others can read it', () => {
    const path = join(dir, 'key')
    writeFileSync(path, 'aa'.repeat(31), { mode: 0o600 })
    expect(() => settlerKeys(path, true)).toThrow('less than 32 bytes')
    chmodSync(path, 0o640)
    expect(() => settlerKeys(path, true)).toThrow('can be read by others')
  })

  it('may be a credential of systemd, which only the service can read', () => {
    const path = join(dir, 'key')
    writeFileSync(path, 'ab'.repeat(32))
    chmodSync(path, 0o440)
    expect(settlerKeys(path, false, dir).preimageKey).toHaveLength(32)
    expect(() => settlerKeys(path, false, join(dir, 'other'))).toThrow('can be read by others')
    chmodSync(path, 0o444)
    expect(() => settlerKeys(path, false, dir)).toThrow('can be read by others')
  })
})

describe('the options of run', () => {
  const flags = (changes: Partial<RunFlags> = {}): RunFlags => {
    for (const [name, text] of Object.entries({ cert: 'PEM', token: ' secret\n' }))
      writeFileSync(join(dir, name), text)
    mkdirSync(join(dir, 'macaroons'), { recursive: true })
    for (const role of ['intake', 'payout'])
      writeFileSync(join(dir, 'macaroons', `${role}.macaroon`), Buffer.from(role))
    return {
      edge: 'https://edge.example.org',
      edgeTokenFile: join(dir, 'token'),
      databaseUrl: 'postgres://x/y',
      lnd: '127.0.0.1:10009',
      lndCert: join(dir, 'cert'),
      macaroons: join(dir, 'macaroons'),
      keyFile: join(dir, 'key'),
      createKey: true,
      payoutThresholdSat: '1000',
      payoutMaxAge: '24h',
      dailyCapSat: '500',
      payoutMinimumMsat: '1000',
      holdback: '24h',
      newcomerHoldback: '7d',
      leaseSeconds: '15',
      ...changes,
    }
  }

  it('are read with the files that they name', () => {
    expect(runOptions(flags({ metricsPort: '9100', json: true }))).toMatchObject({
      edgeUrl: 'wss://edge.example.org/v1/settler/connect',
      edgeToken: 'secret',
      intake: { socket: '127.0.0.1:10009', certificate: 'PEM', macaroon: hex('intake') },
      payout: { macaroon: hex('payout') },
      payouts: {
        thresholdMsat: 1_000_000n,
        maxAgeMs: 86_400_000,
        dailyCapMsat: 500_000n,
        minimumMsat: 1_000n,
      },
      metricsPort: 9100,
      json: true,
    })
    expect(readFileSync(join(dir, 'key'), 'utf8')).toMatch(/^[0-9a-f]{64}\n$/)
  })

  it.each([
    [{ edge: 'http://edge.example.org' }, 'not encrypted'],
    [{ lndCert: '/nowhere/tls.cert' }, 'ENOENT'],
    [{ macaroons: '/nowhere' }, 'intake.macaroon'],
    [{ payoutThresholdSat: '0' }, '--payout-threshold-sat'],
    [{ dailyCapSat: '1.5' }, '--daily-cap-sat'],
    [{ leaseSeconds: '2' }, '--lease-seconds'],
    [{ payoutMinimumMsat: '0' }, '--payout-minimum-msat'],
    [{ payoutMaxAge: '1 day' }, 'write it like 24h'],
    [{ holdback: 'a day' }, 'write it like 24h'],
    [{ metricsPort: '70000' }, 'no port'],
  ])('are refused with a word on why: %j', (changes, words) => {
    const options = () => runOptions(flags(changes))
    expect(options).toThrow(words)
    expect(options).toThrow(expect.objectContaining({ code: 'bad_option' }))
  })

  it.each([
    ['90s', 90_000],
    ['15m', 900_000],
    ['7d', 604_800_000],
  ])('know that %s are %i ms', (text, ms) => {
    expect(durationMs(text)).toBe(ms)
  })
})

const hex = (text: string) => Buffer.from(text).toString('hex')
