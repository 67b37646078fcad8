/** What engines are set up by, and the keys that we give them. Tokens of Hugging Face and the like are not there. */
const NAMES = /^(PATH|LANG|LANGUAGE|TZ|LD_LIBRARY_PATH|LC_\w+|LLAMA_API_KEY|VLLM_API_KEY)$/
const PREFIXES =
  /^(LLAMA|GGML|GGUF|VLLM|CUDA|NVIDIA|NCCL|HIP|HSA|ROCR|ROCM|OMP|MKL|OPENBLAS|TORCH|PYTORCH|TRITON|TOKENIZERS)_/
const SECRET = /TOKEN(?!IZERS_)|SECRET|PASS|CREDENTIAL|AUTH|KEY/

/** The environment inside: settings of engines and the engine's own key, and nothing of the owner's. */
export function sandboxEnv(env: NodeJS.ProcessEnv): Record<string, string> {
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined &&
      (NAMES.test(entry[0]) || (PREFIXES.test(entry[0]) && !SECRET.test(entry[0]))),
  )
  return {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    ...Object.fromEntries(kept),
    HOME: '/tmp',
    TMPDIR: '/tmp',
    USER: 'infernet',
    LOGNAME: 'infernet',
    // There is no network to ask.
    HF_HUB_OFFLINE: '1',
  }
}
