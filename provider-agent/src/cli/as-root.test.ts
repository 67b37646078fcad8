import { describe, expect, it } from 'vitest'
import { ControlError } from '../control/control-error.ts'
import { EXIT } from '../exit-codes.ts'
import { KeyError } from '../identity.ts'
import { asRoot } from './as-root.ts'
import { controlFault } from './control-asks.ts'
import { keyFault } from './own-identity.ts'

const denied = Object.assign(new Error('connect EACCES'), { code: 'EACCES' })

describe('a command once more, as root', () => {
  it('is what was typed, as a shell reads it', () => {
    expect(asRoot(['status', '--data', '/my data'])).toBe(
      "sudo infernet-agent status --data '/my data'",
    )
  })

  it('shows no key that was typed', () => {
    const secret = [
      ['--engine-key=k'],
      ['--engine-key', 'k'],
      ['--client-key', 'k'],
      ['--env', 'HF_TOKEN=k'],
      ['--', '--engine-arg=--api-key=k'],
      ['--edge', 'https://user:k@edge.example.org'],
    ]
    for (const words of secret)
      expect(asRoot(['service', 'install', ...words])).toBe('sudo infernet-agent …')
    expect(asRoot(['keys', '--data', '/d'])).toBe('sudo infernet-agent keys --data /d')
  })

  it('is what to type where the agent, or its key, is another user’s', async () => {
    const next = expect.stringMatching(/^sudo infernet-agent /) as string
    const others = new ControlError('not_yours', 'another user’s', { cause: denied })
    await expect(controlFault({}, () => Promise.reject(others))).rejects.toMatchObject({
      exitCode: EXIT.usage,
      next,
    })
    expect(keyFault(new KeyError('unreadable', 'm', { cause: denied }))).toMatchObject({
      exitCode: EXIT.data,
      next,
    })
    expect(keyFault(new KeyError('unreadable', 'm')).next).toBeUndefined()
  })
})
