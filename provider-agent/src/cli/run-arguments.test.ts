import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CommanderError } from 'commander'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { OwnerError } from '../exit-codes.ts'
import { writeAgentFile } from '../setup/agent-file.ts'
import { readRunArguments } from './run-arguments.ts'

const noFile = () => ''
const EDGE = '--edge=https://edge.example.org'

describe('readRunArguments', () => {
  afterEach(() => vi.unstubAllEnvs())

  it('keeps options as they were given, in their order, those of the environment too', () => {
    vi.stubEnv('INFERNET_QUANTIZATION', 'fp8')
    const url = ['--engine-url', 'http://127.0.0.1:8000']
    const models = ['--model', 'a', 'b=c', '--slots', '07', '--no-gpu', '--model=-d']
    const { flags, given } = readRunArguments(
      [EDGE, ...url, ...models, '--grace', '60', '--quiet'],
      noFile,
    )
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

  it('takes from a file what is said nowhere else', () => {
    vi.stubEnv('INFERNET_QUANTIZATION', 'fp8')
    const path = join(mkdtempSync(join(tmpdir(), 'infernet-')), 'agent.json')
    writeAgentFile(path, {
      edge: 'https://file.example.org',
      'engine-url': 'http://127.0.0.1:8000',
      model: ['a'],
      quantization: 'int4',
      slots: 2,
      payout: 'me@wallet.example',
      'keep-loaded': true,
    })
    const { flags, given, settings } = readRunArguments(['--engine=tiny', '--data=here'], (data) =>
      data === 'here' ? path : '',
    )
    expect(flags).toMatchObject({ edge: 'https://file.example.org', model: [], keepLoaded: true })
    expect(given.map(({ flag, value }) => `${flag}=${value}`)).toEqual([
      '--engine=tiny',
      '--data=here',
      '--quantization=fp8',
      '--edge=https://file.example.org',
      '--payout=me@wallet.example',
      '--keep-loaded=undefined',
    ])
    expect(settings?.path).toBe(path)
  })

  it('needs the files of a node only where its own payout counts', () => {
    const path = join(mkdtempSync(join(tmpdir(), 'infernet-')), 'agent.json')
    const node = { lnd: '127.0.0.1:10009', 'lnd-cert': '/no/tls.cert', 'lnd-macaroon': '/no/m' }
    writeAgentFile(path, { payout: 'lnd', ...node })
    const read = (...more: string[]) =>
      readRunArguments([EDGE, '--engine', 'tiny', ...more], () => path)
    expect(read('--payout', 'me@wallet.example').flags).toMatchObject({
      payout: 'me@wallet.example',
    })
    expect(() => read()).toThrow('--lnd-cert')
  })

  it.each([
    [[EDGE, '--engine', 'tony'], CommanderError],
    [[EDGE, '--no-such-option'], CommanderError],
    [[EDGE, '--engine', 'tiny', 'more'], CommanderError],
    [['--engine', 'tiny'], OwnerError],
    [[EDGE, '--engine', 'tiny', '--price', 'x'], OwnerError],
    [[EDGE, '--engine', 'tiny', '--payout', 'me'], OwnerError],
    [[EDGE, '--engine', 'tiny', '--endpoints', 'chat'], OwnerError],
    [[EDGE, '--engine-url', 'x'], OwnerError],
    [['--edge=nonsense', '--engine', 'tiny'], OwnerError],
  ])('refuses what run would refuse: %j', (args, type) => {
    const silent = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    expect(() => readRunArguments(args, noFile)).toThrow(type)
    silent.mockRestore()
  })
})
