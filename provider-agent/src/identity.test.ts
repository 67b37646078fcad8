import { execFile } from 'node:child_process'
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { publicKeyOf } from '@infernet/schemas/peer-id'
import { describe, expect, it } from 'vitest'
import { findIdentity, KeyError, loadIdentity } from './identity.ts'

const newFolder = () => mkdtempSync(join(tmpdir(), 'infernet-'))
const newPath = () => join(newFolder(), 'agent', 'key.pem')
const newFile = (): string => {
  const path = join(newFolder(), 'file')
  writeFileSync(path, '')
  return path
}
const newLink = (): string => {
  const path = join(newFolder(), 'link')
  symlinkSync('nowhere', path)
  return path
}

describe('the key', () => {
  it('is created once, for its owner only', () => {
    const path = newPath()
    const first = loadIdentity(path)
    const second = loadIdentity(path)
    expect([first.created, second.created]).toEqual([true, false])
    expect(second.identity.peer).toBe(first.identity.peer)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(statSync(dirname(path)).mode & 0o777).toBe(0o700)
    expect(readdirSync(dirname(path))).toEqual(['key.pem'])
  })

  it('is only made where it is asked for', () => {
    const path = newPath()
    expect(findIdentity(path)).toBeUndefined()
    expect(existsSync(dirname(path))).toBe(false)
    const { identity } = loadIdentity(path)
    expect(findIdentity(path)).toMatchObject({ identity: { peer: identity.peer }, exposed: false })
  })

  it('signs what its name verifies', () => {
    const { identity } = loadIdentity(newPath())
    const message = Uint8Array.of(1, 2, 3)
    const x = Buffer.from(publicKeyOf(identity.peer)!).toString('base64url')
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
    expect(verify(null, message, key, identity.sign(message))).toBe(true)
  })

  it('has other secrets in it, one for each purpose', () => {
    const path = newPath()
    const { identity } = loadIdentity(path)
    const derived = identity.deriveKey('a')
    expect(derived).toHaveLength(32)
    expect(loadIdentity(path).identity.deriveKey('a')).toEqual(derived)
    expect(identity.deriveKey('b')).not.toEqual(derived)
    expect(loadIdentity(newPath()).identity.deriveKey('a')).not.toEqual(derived)
  })

  it('is the same for agents that start together', async () => {
    const path = newPath()
    const script = `import { loadIdentity } from ${JSON.stringify(join(import.meta.dirname, 'identity.ts'))}
      console.log(loadIdentity(${JSON.stringify(path)}).identity.peer)`
    const start = () => promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
    const started = await Promise.all([start(), start(), start()])
    expect(new Set(started.map(({ stdout }) => stdout.trim())).size).toBe(1)
    expect(readdirSync(dirname(path))).toEqual(['key.pem'])
  })

  it.each<[string, () => string]>([
    ['below a file', () => join(newFile(), 'agent', 'key.pem')],
    ['in a folder that is a file', () => join(newFile(), 'key.pem')],
    ['where a link leads nowhere', () => join(newLink(), 'agent', 'key.pem')],
    // Linux takes no folders there, from nobody.
    ['in /proc', () => '/proc/self/infernet/key.pem'],
  ])('is not made %s, and says so', (_, path) => {
    expect(() => loadIdentity(path())).toThrow(KeyError)
  })

  it('says how to have it elsewhere', () => {
    expect(() => loadIdentity(join(newLink(), 'agent', 'key.pem'))).toThrow(
      /^cannot make a key at .*key\.pem: ENOENT.* Name another folder with --data or INFERNET_DATA$/,
    )
  })

  it('is called exposed when others can read it', () => {
    const path = newPath()
    loadIdentity(path)
    chmodSync(path, 0o644)
    expect(loadIdentity(path).exposed).toBe(true)
  })

  it('must be an Ed25519 key', () => {
    const path = join(mkdtempSync(join(tmpdir(), 'infernet-')), 'key.pem')
    writeFileSync(path, 'nonsense')
    expect(() => loadIdentity(path)).toThrow(KeyError)
    const { privateKey } = generateKeyPairSync('x25519')
    writeFileSync(path, privateKey.export({ type: 'pkcs8', format: 'pem' }))
    expect(() => loadIdentity(path)).toThrow('not Ed25519')
  })
})
