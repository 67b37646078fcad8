import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { newSigner } from '@infernet/schemas/testing/signer'
import { describe, expect, it } from 'vitest'
import { runChecks } from '../doctor/run-checks.ts'
import { ownRelease, type OwnRelease } from './own-release.ts'
import { releaseCheck } from './release-check.ts'
import { smallRelease } from './testing/small-release.ts'

const signer = newSigner()
const { path: releases } = smallRelease([signer], '1.1.0')

async function look(version: string, own: Partial<OwnRelease>) {
  const checks = [releaseCheck(version, () => ({ keys: [signer.peer], releases, ...own }))]
  const signal = new AbortController().signal
  return (await runChecks(checks, { signal, now: () => 0 }))[0]!
}

describe('the doctor’s look at releases', () => {
  it('says what is newer, and what to type', async () => {
    expect(await look('1.0.0', {})).toMatchObject({
      outcome: 'warning',
      said: '1.0.0; 1.1.0 is there since 1970-01-01',
      fix: 'infernet-agent upgrade',
    })
    expect(await look('1.1.0', {})).toMatchObject({ outcome: 'ok', said: '1.1.0, the newest' })
  })

  it('finds nothing wrong without a network, or in a package that names no releases', async () => {
    const offline = await look('1.0.0', { releases: 'http://127.0.0.1:1/' })
    expect(offline.outcome).toBe('skipped')
    expect((await look('1.0.0', { keys: [] })).outcome).toBe('skipped')
    expect(ownRelease()).toEqual({ keys: [] })
  })

  it('warns of a release that is forged', async () => {
    expect((await look('1.0.0', { keys: [newSigner().peer] })).outcome).toBe('warning')
    const forged = smallRelease([signer], '1.1.0')
    writeFileSync(join(forged.path, 'release.json'), '{}')
    expect((await look('1.0.0', { releases: forged.path })).outcome).toBe('warning')
  })
})
