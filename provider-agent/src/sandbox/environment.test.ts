import { expect, it } from 'vitest'
import { sandboxEnv } from './environment.ts'

it('lets in what engines are set up by, and no secret of the owner', () => {
  const env = sandboxEnv({
    PATH: '/opt/bin',
    LLAMA_API_KEY: 'ours',
    VLLM_API_KEY: 'ours too',
    TOKENIZERS_PARALLELISM: 'false',
    CUDA_VISIBLE_DEVICES: '0',
    LC_ALL: 'C',
    HOME: '/home/me',
    HF_TOKEN: 's',
    TORCH_TOKEN: 's',
    NVIDIA_API_KEY: 's',
    NVIDIA_APIKEY: 's',
    VLLM_BASIC_AUTH: 's',
    LLAMA_PROXY_PASS: 's',
    AWS_SECRET_ACCESS_KEY: 's',
    SSH_AUTH_SOCK: '/run/s',
    INFERNET_CLIENT_KEY: 's',
  })
  expect(env).toMatchObject({ PATH: '/opt/bin', LLAMA_API_KEY: 'ours', CUDA_VISIBLE_DEVICES: '0' })
  expect(env).toMatchObject({ LC_ALL: 'C', HOME: '/tmp' })
  expect(env).toMatchObject({ VLLM_API_KEY: 'ours too', TOKENIZERS_PARALLELISM: 'false' })
  expect(Object.values(env)).not.toContain('s')
  expect(Object.keys(env)).not.toContain('SSH_AUTH_SOCK')
})
