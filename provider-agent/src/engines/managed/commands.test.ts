import { describe, expect, it } from 'vitest'
import { EngineStartError } from '../engine.ts'
import type { ServePlan } from './engine-command.ts'
import { llamaKvTypes, llamaServerCommand } from './llama-server-command.ts'
import { vllmCommand, vllmGpus, vllmKvType } from './vllm-command.ts'

const plan: ServePlan = {
  program: '/opt/server',
  id: 'm',
  path: '/models/m',
  socket: '/tmp/s/0.sock',
  key: 'k3y',
  slots: 4,
  context: 4096,
  gpu: true,
  extra: [],
  env: { PATH: '/bin', HF_HOME: '/hf', INFERNET_PAYOUT: 'me@wallet.example' },
}
const env = { PATH: '/bin', HF_HOME: '/hf' }

describe('command lines', () => {
  it('start llama-server', () => {
    const command = llamaServerCommand({ ...plan, extra: ['-ctk', 'q8_0'], promptCacheMib: 512 })
    expect(command.args.join(' ')).toBe(
      '--model /models/m --alias m --host /tmp/s/0.sock --no-ui --jinja --metrics ' +
        '--parallel 4 --ctx-size 16384 --cache-ram 512 -ctk q8_0',
    )
    expect(command.env).toEqual({ ...env, LLAMA_API_KEY: 'k3y' })
    const { args } = llamaServerCommand({ ...plan, threads: 8, gpu: false, context: undefined })
    const alone = ['--device', 'none', '--batch-size', '512']
    expect(args.slice(-8)).toEqual(['--parallel', '4', '--threads', '8', ...alone])
  })

  it('start vLLM', () => {
    const command = vllmCommand({ ...plan, gpuShare: 0.85, extra: ['--dtype', 'half'] })
    expect(command.args.join(' ')).toBe(
      'serve /models/m --served-model-name m --uds /tmp/s/0.sock --max-num-seqs 4 ' +
        '--max-model-len 4096 --gpu-memory-utilization 0.85 --dtype half',
    )
    expect(command.env).toEqual({ ...env, VLLM_API_KEY: 'k3y' })
  })

  it.each([
    [llamaServerCommand, ['--port=80'], 'only the agent finds it'],
    [llamaServerCommand, ['-np', '8'], 'say --slots'],
    [llamaServerCommand, ['--api-key', 'x'], 'only the agent finds it'],
    [vllmCommand, ['--max_model_len=5'], 'say --context'],
    [vllmCommand, ['--api-key', 'x'], 'only the agent finds it'],
  ])('take nothing that the agent sets: %o %j', (command, extra, message) => {
    expect(() => command({ ...plan, extra })).toThrow(EngineStartError)
    expect(() => command({ ...plan, extra })).toThrow(message)
  })

  it('refuse for vLLM what only llama-server has', () => {
    expect(() => vllmCommand({ ...plan, gpu: false })).toThrow('--no-gpu')
    expect(() => vllmCommand({ ...plan, threads: 2 })).toThrow('--threads')
  })

  it('tell the cache types and GPUs of what the owner adds', () => {
    expect(llamaKvTypes(['-ctk', 'q8_0', '--cache-type-v=q4_0'])).toEqual({
      key: 'q8_0',
      value: 'q4_0',
    })
    expect(llamaKvTypes([])).toEqual({ key: 'f16', value: 'f16' })
    expect(vllmKvType(['--kv_cache_dtype=fp8'])).toBe('fp8')
    expect(vllmGpus(['-tp', '2', '--pipeline-parallel-size=2'])).toBe(4)
    expect(vllmGpus(['-tp', 'x'])).toBe(1)
  })
})
