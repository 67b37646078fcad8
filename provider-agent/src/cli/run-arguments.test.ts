import { CommanderError } from 'commander'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { OwnerError } from '../exit-codes.ts'
import { readRunArguments } from './run-arguments.ts'

const EDGE = '--edge=https://edge.example.org'

describe('readRunArguments', () => {
  afterEach(() => vi.unstubAllEnvs())

  it('keeps options as they were given, in their order, those of the environment too', () => {
    vi.stubEnv('INFERNET_QUANTIZATION', 'fp8')
    const url = ['--engine-url', 'http://127.0.0.1:8000']
    const models = ['--model', 'a', 'b=c', '--slots', '07', '--no-gpu', '--model=-d']
    const { flags, given } = readRunArguments([EDGE, ...url, ...models, '--grace', '60', '--quiet'])
    expect(flags).toMatchObject({ grace: 60, slots: 7, gpu: false, model: ['a', 'b=c', '-d'] })
    expect(given.map(({ flag, value }) => `${flag} ${value}`)).toEqual([
      '--edge https://edge.example.org',
      '--engine-url http://127.0.0.1:8000',
      '--model a',
      '--model b=c',
      '--slots 07',
      '--no-gpu undefined',
      '--model -d',
      '--grace 60',
      '--quiet undefined',
      '--quantization fp8',
    ])
  })

  it.each([
    [[EDGE, '--engine', 'tony'], CommanderError],
    [[EDGE, '--no-such-option'], CommanderError],
    [[EDGE, '--engine', 'tiny', 'more'], CommanderError],
    [['--engine', 'tiny'], CommanderError],
    [[EDGE, '--engine', 'tiny', '--price', 'x'], OwnerError],
    [[EDGE, '--engine', 'tiny', '--payout', 'me'], OwnerError],
    [[EDGE, '--engine', 'tiny', '--endpoints', 'chat'], OwnerError],
    [[EDGE, '--engine-url', 'x'], OwnerError],
    [['--edge=nonsense', '--engine', 'tiny'], OwnerError],
  ])('refuses what run would refuse: %j', (args, type) => {
    const silent = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    expect(() => readRunArguments(args)).toThrow(type)
    silent.mockRestore()
  })
})
