/** What an engine writes when it fails, and what its owner can do. The first that fits counts. */
const HINTS: readonly (readonly [RegExp, (match: RegExpMatchArray) => string])[] = [
  [
    /error while loading shared libraries: (\S+?):/,
    ([, library = '']) =>
      library.startsWith('libcud') || library.startsWith('libcublas')
        ? `${library} is missing: install NVIDIA's driver and CUDA, or take a build for the CPU`
        : `${library} is missing: install it, or take another build`,
  ],
  [
    /unknown model architecture: '([^']*)'/,
    ([, name]) => `it is too old for the architecture '${name}': update it`,
  ],
  [
    /invalid argument: (\S+)|unrecognized arguments: (.+)/,
    ([, one, many]) => `it does not know ${one ?? many}: change --engine-arg`,
  ],
  [
    /out of memory|insufficient memory|failed to allocate|cudaMalloc failed|bad_alloc|No available memory for the cache blocks|less than desired GPU memory utilization|larger than the (available|maximum number of tokens)/i,
    () => 'it ran out of memory: say a smaller --context or fewer --slots, or take a smaller model',
  ],
  [
    /invalid magic|corrupted or incomplete|not within the file bounds|Error while deserializing header/i,
    () => 'the model file is damaged or cut short: fetch it again',
  ],
  [
    /couldn't bind|address already in use/i,
    () => 'something else listens there: stop it, or set another TMPDIR',
  ],
  [
    /CUDA driver version is insufficient|no CUDA-capable device|No CUDA GPUs are available|ggml_cuda_init: failed|Failed to infer device type|libcuda\.so/i,
    () => 'it finds no usable GPU: look at nvidia-smi, or keep llama-server off it with --no-gpu',
  ],
  [
    /failed to load model|error loading model/i,
    () => 'it cannot load the model: its lines say why; a newer version may know the format',
  ],
]

/** The status of a shell for what SIGKILL ended. */
const KILLED = 137

/** What the owner can do about an engine that ended with `code` after these lines, if we know. */
export function hintOf(lines: readonly string[], code: number | undefined): string | undefined {
  const text = lines.join('\n')
  for (const [pattern, hint] of HINTS) {
    const match = text.match(pattern)
    if (match !== null) return hint(match)
  }
  if (code === KILLED) return 'something killed it; the kernel does when memory runs out: see dmesg'
  return undefined
}
