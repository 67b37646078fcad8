import { describe, expect, it } from 'vitest'
import { edgeAddress, EdgeAddressError } from './edge-address.ts'

describe('edgeAddress', () => {
  it.each([
    ['https://edge.example', 'wss://edge.example/v1/providers/connect', 'edge.example', true],
    [
      'wss://edge.example:8443/',
      'wss://edge.example:8443/v1/providers/connect',
      'edge.example',
      true,
    ],
    ['http://localhost:8787', 'ws://localhost:8787/v1/providers/connect', 'localhost', true],
    ['ws://[::1]:1/a/', 'ws://[::1]:1/a/v1/providers/connect', '[::1]', true],
    ['ws://edge.example', 'ws://edge.example/v1/providers/connect', 'edge.example', false],
    [
      'wss://edge.example/v1/providers/connect',
      'wss://edge.example/v1/providers/connect',
      'edge.example',
      true,
    ],
  ])('reads %s', (text, url, audience, isPrivate) => {
    expect(edgeAddress(text)).toEqual({ url, audience, isPrivate })
  })

  it.each(['edge.example', '', 'ftp://edge.example', 'http://'])('refuses %j', (text) => {
    expect(() => edgeAddress(text)).toThrow(EdgeAddressError)
  })
})
