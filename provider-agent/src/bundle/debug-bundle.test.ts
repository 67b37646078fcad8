import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadIdentity } from '../identity.ts'
import { plainLines } from '../plain-text.ts'
import { debugBundle } from './debug-bundle.ts'
import { knownSecrets, secretArguments } from './known-secrets.ts'
import { redactor } from './redact.ts'

const folder = mkdtempSync(join(tmpdir(), 'infernet-'))
const key = join(folder, 'key.pem')
const { identity } = loadIdentity(key)
const pem = readFileSync(key, 'utf8')
const macaroon = join(folder, 'agent.macaroon')
writeFileSync(macaroon, Buffer.from('0201036c6e64ff00deadbeef0102', 'hex'))
const known = knownSecrets({
  texts: ['engine secret', undefined],
  files: [key, macaroon, join(folder, 'no such file'), undefined],
  urls: [],
  env: { INFERNET_ENGINE_KEY: 'by the environment', PATH: '/usr/bin' },
})

/** Everything that is in a bundle of these parts, as text. */
function contents(...parts: Parameters<typeof debugBundle>[0]): string {
  const file = join(folder, 'bundle.tar.gz')
  writeFileSync(file, debugBundle(parts, redactor({ known }), 0).bytes)
  return execFileSync('tar', ['-xOzf', file], { encoding: 'utf8' })
}

describe('a debug bundle', () => {
  it('has no secret of this machine in it, however it was written', () => {
    const { d = '' } = JSON.parse(
      execFileSync(process.execPath, [
        '-p',
        `JSON.stringify(require('crypto').createPrivateKey(require('fs').readFileSync(${JSON.stringify(key)})).export({format:'jwk'}))`,
      ]).toString(),
    ) as { d?: string }
    const body = pem.split('\n')[1] ?? ''
    const secrets = [
      'engine secret',
      'by the environment',
      body,
      d,
      Buffer.from(d, 'base64url').toString('hex'),
      readFileSync(macaroon).toString('hex'),
      readFileSync(macaroon).toString('base64'),
    ]
    const all = contents(
      { name: 'a.json', about: '', content: { said: secrets, [`by ${d}`]: 1, pem } },
      { name: 'b.jsonl', about: '', content: secrets.map((secret) => ({ event: secret })) },
      { name: 'c.txt', about: '', content: secrets.join(' ') },
    )
    for (const secret of secrets) expect(all).not.toContain(secret)
    expect(all.match(/\[redacted\]/g)?.length).toBeGreaterThanOrEqual(3 * secrets.length)
  })

  it('knows who is named in URLs, whatever is in them', () => {
    const url = `http://alice:it's-a-"secret"@engine.example/v1?auth=word-of-mine`
    for (const sources of [{ urls: [url] }, { env: { ENGINE: url } }]) {
      const found = knownSecrets({ texts: [], files: [], urls: [], env: {}, ...sources })
      const own = redactor({ known: found })
      for (const said of [`no answer from ${url}`, new URL(url).href]) {
        expect(own.text(said)).not.toMatch(/it's|it%27s|secret|word-of-mine/)
      }
    }
    expect(knownSecrets({ texts: [], files: [], urls: ['x', undefined], env: {} })).toEqual([])
  })

  it.each([
    [['--api-key', 'abc def', '--flash-attn', 'on'], ['abc def']],
    [
      ['--api-key=a=b', '--hf-token=x'],
      ['a=b', 'x'],
    ],
    [['--ctx-size', '8', '--api-key'], []],
  ])('knows the secrets in %j', (args, found) => expect(secretArguments(args)).toEqual(found))

  it('has no command for the terminal of who reads it before sharing it', () => {
    const evil = '\u001B[2J\u009B31m\u202E\u007F'
    const all = contents(
      { name: 'a.json', about: '', content: { said: evil } },
      { name: 'b.jsonl', about: '', content: [{ said: evil }] },
      { name: 'c.txt', about: '', content: `one\n${evil}two` },
    )
    expect(plainLines(all)).toBe(all)
    expect(all).toContain('\\u009b31m')
  })

  it('has what helps', () => {
    const all = contents(
      { name: 'a.json', about: '', content: { peer: identity.peer, path: '/usr/bin' } },
      { name: 'b.jsonl', about: '', content: [{ event: 'connected' }, { event: 'stopped' }] },
    )
    expect(all).toContain(identity.peer)
    expect(all).toContain('/usr/bin')
    expect(all).toContain('{"event":"connected"}\n{"event":"stopped"}\n')
  })
})
