import { describe, expect, it } from 'vitest'
import { namesPlace } from './names-place.ts'

describe('a value names a place', () => {
  it.each([
    'http://10.0.0.1/',
    ' HTTPS://a.example',
    'file:///etc/passwd',
    'unix:/run/a.sock',
    'C:\\secret',
    '\\\\host\\share',
    '/etc/passwd',
    '~/.ssh/id_ed25519',
    '../../key.pem',
    { deep: [{ er: 'gopher://a' }] },
  ])('where it is %j', (value) => {
    expect(namesPlace(value)).toBe(true)
  })

  it.each(['END', 'Note: a word', 'half/half', ':', '', 0.5, true, null, ['\n', '"', '*'], {}])(
    'not where it is %j',
    (value) => {
      expect(namesPlace(value)).toBe(false)
    },
  )
})
