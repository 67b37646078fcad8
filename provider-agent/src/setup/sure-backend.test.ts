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
  expect(sureBackend({ kind }, gpus)).toBe(backend)
})
