import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { askProgram, findProgram, readBackend, readVersion } from './find-program.ts'

const folder = mkdtempSync(join(tmpdir(), 'infernet-'))
const program = (name: string, script: string): string => {
  const file = join(folder, name)
  writeFileSync(file, `#!/bin/sh\n${script}\n`)
  chmodSync(file, 0o755)
  return file
}
const never = new AbortController().signal

describe('the program of a server', () => {
  it('is the first on the PATH that can be run, or the one that is named', () => {
    const other = join(folder, 'other')
    mkdirSync(join(other, 'llama-server'), { recursive: true })
    const file = program('llama-server', '')
    expect(findProgram('llama-server', undefined, `${other}:/nowhere:${folder}`)).toBe(file)
    expect(findProgram('llama-server', file, undefined)).toBe(file)
    expect(() => findProgram('vllm', undefined, folder)).toThrow(
      'there is no vllm on your PATH: install it (pip install vllm), or name it with --engine-program',
    )
    expect(() => findProgram('vllm', other, folder)).toThrow('not a program that can be run')
  })

  it('is asked, and may fail', async () => {
    const good = program('good', 'echo out; echo err >&2')
    expect((await askProgram(good, [], {}, never)).split('\n').toSorted()).toEqual([
      '',
      'err',
      'out',
    ])
    const bad = program('bad', 'echo broken >&2; exit 3')
    await expect(askProgram(bad, ['--version'], {}, never)).rejects.toThrow(
      `${bad} --version ended with code 3: broken`,
    )
    const stuck = program('stuck', 'exec sleep 600')
    const stop = new AbortController()
    const asked = askProgram(stuck, [], {}, stop.signal)
    stop.abort()
    await expect(asked).rejects.toThrow('it did not answer')
  })

  it.each([
    [
      'llama-server',
      'I srv: x\nversion: 0.5.0-dev (build 1, commit de3ff81)\nbuilt with',
      '0.5.0-dev',
    ],
    ['llama-server', 'version: 6123 (79c1160b)', '6123'],
    ['vllm', 'INFO 11-26 something\n0.11.2\n', '0.11.2'],
    ['vllm', '0.32.0rc1+cu129', '0.32.0rc1+cu129'],
  ] as const)('says its version: %s %j', (kind, text, version) => {
    expect(readVersion(kind, text, '/x')).toBe(version)
  })

  it('has to be new enough, and what it should be', () => {
    expect(() => readVersion('llama-server', 'version: 4011 (a1b2c3d)', '/x')).toThrow('build 5000')
    expect(() => readVersion('vllm', '0.8.5', '/x')).toThrow('0.11')
    expect(() => readVersion('vllm', 'hello', '/x')).toThrow('is it vllm?')
  })

  it('tells what it computes on', () => {
    const devices = (text: string) => readBackend(`log\nAvailable devices:\n${text}`)
    expect(devices('  (none)\n')).toBe('cpu')
    expect(devices('  CUDA0: NVIDIA H100 (81000 MiB)\n  CUDA1: NVIDIA H100 (81000 MiB)\n')).toBe(
      'cuda',
    )
    expect(devices('  CUDA0: a\n  Vulkan0: a\n')).toBeUndefined()
    expect(readBackend('error: invalid argument')).toBeUndefined()
  })
})
