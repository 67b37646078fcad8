import { expect, it } from 'vitest'
import { readRunArguments } from './run-arguments.ts'
import { usesGpu } from './service-gpu.ts'

const uses = (...args: string[]) =>
  usesGpu(readRunArguments(['--edge', 'https://e', ...args], () => '').flags)

it.each([
  ['an engine of its own', [], true],
  ['an engine of its own, kept off it', ['--no-gpu'], false],
  [
    'a server on this machine, whose card it announces',
    ['--engine-url', 'http://127.0.0.1:8000'],
    true,
  ],
  ['the same by another name', ['--engine-url', 'http://[::1]:8000'], true],
  ['a server elsewhere, which has its own', ['--engine-url', 'http://10.0.0.2:8000'], false],
  [
    'a server on this machine, of which nothing is told',
    ['--engine-url', 'http://127.0.0.1:8000', '--no-hardware'],
    false,
  ],
  [
    'a server elsewhere, and a limit of this machine',
    ['--engine-url', 'http://10.0.0.2:8000', '--max-temp', '80'],
    true,
  ],
  ['the engine of the demo', ['--engine', 'tiny'], false],
])('the GPU is for %s: %j is %s', (_, args, expected) => {
  expect(uses(...args)).toBe(expected)
})
