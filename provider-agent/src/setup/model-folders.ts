import { join } from 'node:path'

/** A folder that may have models, and how far below it they are. */
export interface ModelFolder {
  readonly path: string
  readonly depth: number
}

/** Where people and their programs keep GGUF files. `home` and `here` are folders. */
export function usualFolders(env: NodeJS.ProcessEnv, home: string, here: string): ModelFolder[] {
  const cache = env['XDG_CACHE_HOME'] || join(home, '.cache')
  const hub =
    env['HF_HUB_CACHE'] || join(env['HF_HOME'] || join(home, '.cache', 'huggingface'), 'hub')
  return [
    { path: here, depth: 1 },
    { path: join(home, 'models'), depth: 3 },
    { path: env['LLAMA_CACHE'] || join(cache, 'llama.cpp'), depth: 2 },
    // publisher/repository/file
    { path: join(home, '.lmstudio', 'models'), depth: 3 },
    { path: join(home, '.cache', 'lm-studio', 'models'), depth: 3 },
    // models--publisher--repository/snapshots/revision/folder/file
    { path: hub, depth: 5 },
  ]
}
