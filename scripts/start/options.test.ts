import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseStartOptions, StartError } from './options.ts'

describe('parseStartOptions', () => {
  it('defaults to everything, on 8787, in .infernet', () => {
    expect(parseStartOptions([], {})).toEqual({
      port: 8787,
      json: false,
      agent: true,
      lightning: true,
      fresh: false,
      dataDir: resolve('.infernet'),
      host: 'node',
      engine: 'llama-cpp',
      databaseUrl: undefined,
    })
  })

  it('takes every option, and a port before INFERNET_PORT', () => {
    const args =
      '--port 0 --json --no-agent --no-lightning --fresh --data /x --host workerd --engine tiny --database-url postgres://a/b'
    expect(parseStartOptions(args.split(' '), { INFERNET_PORT: '9' })).toEqual({
      port: 0,
      json: true,
      agent: false,
      lightning: false,
      fresh: true,
      dataDir: '/x',
      host: 'workerd',
      engine: 'tiny',
      databaseUrl: 'postgres://a/b',
    })
    expect(parseStartOptions([], { INFERNET_PORT: '9' })).toMatchObject({ port: 9 })
  })

  it('helps', () => {
    expect(parseStartOptions(['-h'], {})).toBe('help')
  })

  it.each([
    [['--port', 'x'], "'x' is no port"],
    [['--port', '65536'], "'65536' is no port"],
    [['--host', 'deno'], "--host is one of node, workerd, wrangler, not 'deno'"],
    [['--engine', 'gpt'], "--engine is one of llama-cpp, tiny, not 'gpt'"],
    [['--prot', '1'], 'usage:'],
    [['extra'], 'usage:'],
  ])('refuses %j and says what to do', (args, message) => {
    expect(() => parseStartOptions(args, {})).toThrow(StartError)
    expect(() => parseStartOptions(args, {})).toThrow(message)
  })
})
