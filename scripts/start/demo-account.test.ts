import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { demoAccount } from './demo-account.ts'

describe('demoAccount', () => {
  let edge: Server
  let url: string
  let file: string
  let posts: string[]
  let knownKey: string | undefined

  beforeEach(async () => {
    posts = []
    knownKey = undefined
    file = join(await mkdtemp(join(tmpdir(), 'infernet-demo-')), 'demo.json')
    edge = createServer(async (request, response) => {
      const { authorization } = request.headers
      if (request.method === 'GET') {
        return response.writeHead(authorization === `Bearer ${knownKey}` ? 200 : 401).end('{}')
      }
      if (authorization !== 'Bearer token') return response.writeHead(404).end('no such thing')
      posts.push(`${request.url} ${await text(request)}`)
      knownKey = 'sk-1'
      return response.writeHead(201).end('{"id":"acct_1","key":"sk-1"}')
    }).listen(0, '127.0.0.1')
    await once(edge, 'listening')
    url = `http://127.0.0.1:${(edge.address() as AddressInfo).port}`
  })
  afterEach(async () => {
    edge.close()
    await rm(join(file, '..'), { recursive: true })
  })

  it('makes an account, a key and credit once, and keeps them for their owner alone', async () => {
    const account = { accountId: 'acct_1', apiKey: 'sk-1' }
    expect(await demoAccount(url, 'token', file)).toEqual(account)
    expect(posts).toEqual([
      '/operator/accounts {"name":"demo"}',
      '/operator/accounts/acct_1/keys {"name":"npm start"}',
      '/operator/accounts/acct_1/credits {"reference":"demo","msat":"1000000000"}',
    ])
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(account)
    expect((await stat(file)).mode & 0o777).toBe(0o600)

    expect(await demoAccount(url, 'token', file)).toEqual(account)
    expect(posts).toHaveLength(3)
  })

  it('makes another when the edge has forgotten the key', async () => {
    await demoAccount(url, 'token', file)
    knownKey = undefined
    await demoAccount(url, 'token', file)
    expect(posts).toHaveLength(6)
  })

  it('says what the edge answered when it refuses', async () => {
    await expect(demoAccount(url, 'wrong', file)).rejects.toThrow('answered 404: no such thing')
  })
})
