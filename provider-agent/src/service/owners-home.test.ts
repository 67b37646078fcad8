import { describe, expect, it } from 'vitest'
import { homeIn } from './owners-home.ts'

const PASSWD = `root:x:0:0:root:/root:/bin/bash
me:x:1000:1000:Me,,,:/home/me dir:/bin/zsh
nobody:x:65534:65534:::/usr/sbin/nologin
`

describe('homeIn', () => {
  it.each([
    ['root', '/root'],
    ['me', '/home/me dir'],
    ['m', undefined],
    ['nobody', undefined],
    ['', undefined],
  ])('of %j is %j', (user, home) => {
    expect(homeIn(PASSWD, user)).toBe(home)
  })
})
