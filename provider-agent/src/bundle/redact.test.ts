import { randomBytes } from 'node:crypto'
import { newApiKey } from '@infernet/schemas/api-key'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MASK, MIN_KNOWN_CHARS, redactor } from './redact.ts'

const { text, value } = redactor({ known: [] })
const of = (alphabet: string, minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...alphabet), minLength, maxLength })
const HEX = '0123456789abcdef'
const BECH32 = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'
const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const WORD = BASE64.slice(0, 62)

/** A secret as strangers write it, and what of it must be gone. */
const stranger = fc.oneof(
  of(WORD, 12, 60).map((s) => [`Authorization: Bearer ${s}`, s]),
  of(WORD, 12, 60).map((s) => [`--engine-key=${s}`, s]),
  of(WORD, 12, 60).map((s) => [`{"api_key": "${s}"}`, s]),
  of(`${WORD}_-`, 12, 60).map((s) => [`sk-${s}`, s]),
  of(HEX, 64, 900).map((s) => [s, s]),
  of(BECH32, 30, 300).map((s) => [`lnbc2500u1${s}`, s]),
  of(BECH32, 30, 300).map((s) => [`LNTB1${s}`.toUpperCase(), s.toUpperCase()]),
  of(BASE64, 40, 300).map((s) => [`AgEDbG5k${s}`, s]),
  of(BASE64, 60, 200).map((s) => [
    `-----BEGIN PRIVATE KEY-----\n${s}\n-----END PRIVATE KEY-----`,
    s,
  ]),
  of(BASE64, 60, 200).map((s) => [`-----BEGIN EC PRIVATE KEY-----\n${s}`, s]),
  of(WORD, 12, 40).map((s) => [`https://me:${s}@edge.example.org/v1`, s]),
  of(WORD, 12, 40).map((s) => [`wss://edge.example.org/connect?ticket=${s}&x=1#y`, s]),
  of(WORD, 32, 80)
    .filter((s) => /\d/.test(s) && /[a-z]/.test(s) && /[A-Z]/.test(s))
    .map((s) => [s, s]),
)
/** What may stand around it. */
const around = fc.string({
  unit: fc.constantFrom(' ', '\n', '"', "'", '(', ')', ', ', 'at ', '= '),
})

describe('redacting', () => {
  it('finds the secrets of others by how they are written, wherever they stand', () => {
    const property = fc.property(
      around,
      stranger,
      around,
      (before, [written = '', secret = ''], after) => {
        expect(text(`${before} ${written} ${after}`)).not.toContain(secret)
        expect(JSON.stringify(value([{ message: `${before} ${written} ${after}` }]))).not.toContain(
          secret,
        )
      },
    )
    fc.assert(property, { numRuns: 2_000 })
  })

  it('finds what it is told, whatever it looks like, and whatever surrounds it', () => {
    const secrets = fc.array(fc.string({ minLength: MIN_KNOWN_CHARS }), {
      minLength: 1,
      maxLength: 4,
    })
    const property = fc.property(secrets, fc.string(), fc.string(), (known, before, after) => {
      fc.pre(known.every((secret) => !MASK.includes(secret) && !secret.includes(MASK)))
      const own = redactor({ known })
      for (const secret of known) {
        const shown = own.text(`${before}${secret}${after}`)
        // The pieces left and right of a mask may happen to say it again.
        for (const piece of shown.split(MASK)) expect(piece).not.toContain(secret)
      }
    })
    fc.assert(property, { numRuns: 2_000 })
  })

  it('finds it as part of a URL as well', () => {
    const own = redactor({ known: ['p ss/w&rd'] })
    expect(own.text(`at ${encodeURIComponent('p ss/w&rd')}!`)).toBe(`at ${MASK}!`)
  })

  it('does no more when it is done twice', () => {
    const anything = fc.oneof(
      fc.string(),
      stranger.map(([written = '']) => written),
    )
    fc.assert(
      fc.property(fc.array(anything), (parts) => {
        const once = text(parts.join(' '))
        expect(text(once)).toBe(once)
      }),
      { numRuns: 2_000 },
    )
  })

  it('hides what stands in a list', () => {
    for (const said of [
      `{'api_key': ['hunter2secret']}`,
      '{"api_key":["hunter2secret"]}',
      `cmd: ['--api-key', 'hunter2secret']`,
      '["--api-key","hunter2secret"]',
      '--engine-key "hunter2secret"',
    ])
      expect(text(said), said).not.toContain('hunter2')
    const words = ['--engine-arg', '--api-key', '--engine-arg', 'hunter2', '--engine-arg', '-v']
    expect(value(words)).toEqual(words.with(3, MASK))
  })

  it('hides fields by their name, and leaves counts alone', () => {
    const shown = value({
      engineKey: 'short',
      lnd: { macaroon: 'abc', host: 'node:10009' },
      tokens: { prompt: 3 },
      max_tokens: 8,
      keys: [{ token: 'x' }],
    })
    expect(shown).toEqual({
      engineKey: MASK,
      lnd: { macaroon: MASK, host: 'node:10009' },
      tokens: { prompt: 3 },
      max_tokens: 8,
      keys: [{ token: MASK }],
    })
  })

  it('hides an API key of the edge', () => {
    const { secret } = newApiKey()
    expect(text(`asked with ${secret}.`)).not.toContain(secret.slice(-12))
  })

  it.each([
    'connected to wss://edge.example.org/v1/providers/connect as 12D3KooWFpWTfoCEjw1mErSCcEgXY23Y1oJGARR18zeiom4e8TLo',
    'meta-llama/Llama-3.3-70B-Instruct served by llama-server-v0.5.0 at http://127.0.0.1:8000/v1',
    'the engine at http://[::1]:8000 wants a key (HTTP 401)',
    '/data/models/Qwen2.5-Coder-32B-Instruct-Q4_K_M.gguf: 3 tokens, 12 msat',
    '2026-11-26T13:00:00.000Z job_done 120+48 tokens',
  ])('leaves %s as it is', (line) => expect(text(line)).toBe(line))

  it('does not say whose home it is', () => {
    const own = redactor({ known: [], home: '/home/al' })
    expect(own.text('/home/al/.local/share')).toBe('~/.local/share')
    expect(own.text('a:/home/al, /home/al')).toBe('a:~, ~')
    for (const path of [
      '/home/alice/m.gguf',
      '/Users/alice/m.gguf',
      'file:///home/alice/m.gguf',
      '/media/alice/disk/m.gguf',
      '/run/media/alice/disk',
      String.raw`C:\Users\alice\m.gguf`,
      JSON.stringify(String.raw`C:\Users\alice\m.gguf`),
      'no such file: /home/alice',
    ]) {
      expect(own.text(path), path).not.toMatch(/alice|~ice/)
      expect(own.text(path).endsWith('m.gguf'), path).toBe(path.endsWith('m.gguf'))
    }
  })

  it.each([
    ['paid to alice.b+c@wallet.example', `paid to ${MASK}@wallet.example`],
    ['"--payout","al@pay.co.example"', `"--payout","${MASK}@pay.co.example"`],
    ['npm i node-llama-cpp@3.22.1', 'npm i node-llama-cpp@3.22.1'],
  ])('does not say who is paid, and says where: %s', (said, shown) => {
    expect(text(said)).toBe(shown)
    expect(value([said])).toEqual([shown])
  })

  it('hides what follows an option that names a secret, however short it is', () => {
    expect(value(['--api-key', 'abc', '--ctx-size', '8', '--hf-token'])).toEqual([
      '--api-key',
      MASK,
      '--ctx-size',
      '8',
      '--hf-token',
    ])
    expect(text('vllm --api-key abc --port 8000')).toBe(`vllm --api-key ${MASK} --port 8000`)
  })

  it('does not name a card so that others could claim it', () => {
    const card = 'GPU-8f6d2a54-1c1e-4b0f-9a3c-0d5e7f6a1b2c'
    expect(text(`CUDA_VISIBLE_DEVICES=${card},1`)).toBe(`CUDA_VISIBLE_DEVICES=GPU-${MASK},1`)
  })

  it('takes no longer than a blink for a megabyte', () => {
    const lines = Array.from(
      { length: 8_000 },
      () => `x=${randomBytes(48).toString('base64url')} a:b`,
    )
    expect(text(lines.join('\n')).length).toBeGreaterThan(0)
    for (const part of ['z', 'key', 'z.', 'z9', 'lnbc1', '-----BEGIN KEY', 'key= ', 'a://', '@']) {
      expect(text(part.repeat(2e5))).not.toBe('')
    }
  })
})
