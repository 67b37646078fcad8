import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { judgeLogin } from '@infernet/schemas/login'
import { signCapability } from '@infernet/schemas/signed-capability'
import { PROTOCOL, type Challenge } from '@infernet/schemas/wire'
import { describe, expect, it } from 'vitest'
import { loadIdentity } from '../identity.ts'
import { answerChallenge, LoginRefusal } from './login.ts'

const { identity } = loadIdentity(join(mkdtempSync(join(tmpdir(), 'infernet-')), 'key.pem'))
const challenge: Challenge = {
  versions: PROTOCOL,
  audience: 'edge.example',
  nonce: Buffer.alloc(32, 1).toString('base64url'),
  now: 1_000,
}
const options = {
  audience: 'edge.example',
  identity,
  capability: signCapability(
    identity,
    { models: [], slots: 1, data_collection: 'deny', engine: 'tiny', agent: 'test' },
    { issuedAt: 2_000, salt: new Uint8Array(32) },
  ),
  now: 2_000,
}

const answerAsOther = () => answerChallenge({ ...challenge, audience: 'other.example' }, options)

describe('answering a challenge', () => {
  it('convinces the edge', async () => {
    expect(await judgeLogin(challenge, answerChallenge(challenge, options), 2_000)).toBeUndefined()
  })

  it('never answers a challenge made for another host', () => {
    expect(answerAsOther).toThrow(LoginRefusal)
    expect(answerAsOther).toThrow('calls itself other.example')
  })

  it.each([
    [{ min: PROTOCOL.max + 1, max: PROTOCOL.max + 3 }, 'update infernet-agent'],
    [{ min: 0, max: PROTOCOL.min - 1 }, 'the edge must be updated'],
  ])('names both ranges when no version is common: %j', (versions, remedy) => {
    const answer = () => answerChallenge({ ...challenge, versions }, options)
    expect(answer).toThrow(remedy)
    expect(answer).toThrow(LoginRefusal)
  })

  it('takes the highest version both speak', () => {
    const hello = answerChallenge({ ...challenge, versions: { min: 0, max: 99 } }, options)
    expect(hello.version).toBe(PROTOCOL.max)
  })
})
