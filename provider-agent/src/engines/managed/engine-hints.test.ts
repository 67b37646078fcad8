import { expect, it } from 'vitest'
import { hintOf } from './engine-hints.ts'

/** Lines of llama-server v0.5.0 as recorded on 2026-11-26; of the loader, CUDA and vLLM as their sources have them. */
it.each([
  [
    'E ggml_aligned_malloc: insufficient memory (attempted to allocate 97656.25 MB)',
    'out of memory',
  ],
  ['ggml_backend_cuda_buffer_type_alloc_buffer: cudaMalloc failed: out of memory', 'out of memory'],
  ['ValueError: No available memory for the cache blocks.', 'out of memory'],
  ["E gguf_init_from_reader: invalid magic characters: 'hell', expected 'GGUF'", 'damaged'],
  [
    "E llama_model_load: error loading model: tensor 'x' data is not within the file bounds, model is corrupted or incomplete",
    'damaged',
  ],
  [
    "error loading model architecture: unknown model architecture: 'new'",
    "too old for the architecture 'new'",
  ],
  ["E srv start: couldn't bind HTTP server socket, hostname: 127.0.0.1, port: 1", 'listens there'],
  ['error: invalid argument: --bogus', 'does not know --bogus'],
  [
    'llama-server: error while loading shared libraries: libcudart.so.12: cannot open shared object file',
    'libcudart.so.12 is missing',
  ],
  [
    'ggml_cuda_init: failed to initialize CUDA: no CUDA-capable device is detected',
    'no usable GPU',
  ],
])('tells what to do about %s', (line, hint) => {
  expect(hintOf(['I srv: loading', line, 'I srv: cleaning up'], 1)).toContain(hint)
})

it('guesses only where something is known', () => {
  expect(hintOf(['hello'], 1)).toBeUndefined()
  expect(hintOf([], 137)).toContain('dmesg')
})
