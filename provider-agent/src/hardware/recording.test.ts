import { describe, expect, it } from 'vitest'
import type { CommandResult, CommandRunner } from './command-runner.ts'
import { Recording } from './recording.ts'

const MISSING: CommandResult = { code: undefined, stdout: '', stderr: '' }
const says = (stdout: string, code = 0, stderr = ''): CommandResult => ({ code, stdout, stderr })

const tools =
  (answers: Readonly<Record<string, CommandResult>>): CommandRunner =>
  async (file, args) =>
    answers[[file, ...args].join(' ')] ?? MISSING

describe('a recording', () => {
  it('keeps what was asked and said, as the samples are written, and passes it on', async () => {
    const gone = says('', 9, 'NVIDIA-SMI has failed')
    const recording = new Recording(
      tools({ 'nvidia-smi -L': says('one\n'), 'nvidia-smi -q': gone }),
    )
    expect(await recording.run('nvidia-smi', ['-L'])).toEqual(says('one\n'))
    expect(await recording.run('nvidia-smi', ['-q'])).toEqual(gone)
    expect(await recording.run('rocm-smi', [])).toEqual(MISSING)
    expect(recording.text).toBe(
      '$ nvidia-smi -L\none\nexit 0\n$ nvidia-smi -q\nNVIDIA-SMI has failed\nexit 9\n',
    )
  })

  it('tells no card by its number, but two apart', async () => {
    const a = 'GPU-5f2b8e34-0c1d-4a77-9e02-1b3c4d5e6f70'
    const b = 'GPU-00112233-4455-6677-8899-aabbccddeeff'
    const recording = new Recording(
      tools({
        smi: says(`${a}, RTX 4090\n${b}, RTX 4090\n${a}\nMIG-${a.slice(4)}\n`),
        rocm: says('{"Unique ID": "0x51c7aa00bb11cc22", "Card Model": "0x744c"}\n'),
      }),
    )
    await recording.run('smi', [])
    await recording.run('rocm', [])
    expect(recording.text).toBe(
      [
        '$ smi',
        'GPU-00000000-0000-0000-0000-000000000001, RTX 4090',
        'GPU-00000000-0000-0000-0000-000000000002, RTX 4090',
        'GPU-00000000-0000-0000-0000-000000000001',
        'MIG-00000000-0000-0000-0000-000000000003',
        'exit 0',
        '$ rocm',
        '{"Unique ID": "0x0000000000000004", "Card Model": "0x744c"}',
        'exit 0',
        '',
      ].join('\n'),
    )
  })
})
