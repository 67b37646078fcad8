import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { curlSnippet, sdkSnippet } from './snippets.ts'

describe('curlSnippet', () => {
  it.each(['demo', "it's", '$(id) `id` "x"'])('is one command for the model %j', (model) => {
    // A curl that says what it was given.
    const script = `curl() { printf '%s\\0' "$@"; }\n${curlSnippet('http://edge/v1', model)}`
    const env = { INFERNET_KEY: 'sk-x' }
    const args = execFileSync('/bin/sh', ['-c', script], { env, encoding: 'utf8' }).split('\0')
    expect(args.slice(0, 7)).toEqual([
      '-N',
      'http://edge/v1/chat/completions',
      '-H',
      'Authorization: Bearer sk-x',
      '-H',
      'Content-Type: application/json',
      '-d',
    ])
    expect(JSON.parse(args[7]!)).toMatchObject({ model, stream: true })
  })
})

describe('sdkSnippet', () => {
  it('names the address and the model as texts of the language', () => {
    expect(sdkSnippet('http://edge/v1', 'a"b')).toContain('model: "a\\"b"')
  })
})
