import { expect, it } from 'vitest'
import { sureBackend } from './sure-backend.ts'

it.each([
  ['llama-server', [], 'cpu'],
  ['vllm', [], 'cpu'],
  ['vllm', ['nvidia', 'nvidia'], 'cuda'],
  ['vllm', ['amd'], 'rocm'],
  ['vllm', ['nvidia', 'amd'], undefined],
  ['llama-server', ['nvidia'], undefined],
] as const)('%s beside %j surely computes on %s', (kind, vendors, backend) => {
  const gpus = vendors.map((vendor) => ({ vendor }))
  expect(sureBackend({ kind }, gpus, true)).toBe(backend)
})

it.each(['llama-server', 'vllm'] as const)('%s where no GPU was seen may use one', (kind) => {
  expect(sureBackend({ kind }, [], false)).toBeUndefined()
})
