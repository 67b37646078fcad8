import { expect, it } from 'vitest'
import type { CommandRunner } from './command-runner.ts'
import { querySmi } from './nvidia-smi.ts'
import { hintFor } from './trouble-hints.ts'

const FIELDS = ['name', 'uuid']

it('says that a program which hangs does not answer, and what helps', async () => {
  const hangs: CommandRunner = async () => ({
    code: undefined,
    stdout: '',
    stderr: '',
    timedOut: true,
  })
  const answer = await querySmi(hangs, FIELDS)
  expect(answer).toEqual({ rows: [], fields: FIELDS, trouble: 'nvidia-smi does not answer' })
  expect(hintFor(answer?.trouble ?? '')).toContain('sudo reboot')
})

it('tells the GPUs that were told before it hung', async () => {
  const stdout = 'NVIDIA GeForce RTX 4090, GPU-1\n'
  const run: CommandRunner = async () => ({ code: undefined, stdout, stderr: '', timedOut: true })
  const answer = await querySmi(run, FIELDS)
  expect(answer?.rows.map((row) => row.get('name'))).toEqual(['NVIDIA GeForce RTX 4090'])
  expect(answer?.trouble).toBe('nvidia-smi does not answer')
})

it('looks elsewhere for one that is not there, and says nothing where there is none', async () => {
  const asked: string[] = []
  const missing: CommandRunner = async (program) => {
    asked.push(program)
    return { code: undefined, stdout: '', stderr: '' }
  }
  expect(await querySmi(missing, FIELDS)).toBeUndefined()
  expect(asked).toEqual(['nvidia-smi', '/usr/lib/wsl/lib/nvidia-smi'])
})
