import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { UpgradeError } from './upgrade-error.ts'
import {
  HEAVY_TIMEOUT_MS,
  MAX_SAID_BYTES,
  TRIAL_TIMEOUT_MS,
  UNPACK_TIMEOUT_MS,
} from './upgrade-limits.ts'

/**
 * Has npm install a package into an empty folder, without running anything of it. What npm should download besides,
 * the optional dependencies, only with `heavy`. Rejects with {@link UpgradeError}.
 */
export async function npmInstall(
  tarball: string,
  prefix: string,
  { heavy, signal }: { readonly heavy: boolean; readonly signal: AbortSignal },
): Promise<void> {
  const beside = join(dirname(process.execPath), 'npm')
  const only = heavy ? ['--include=optional'] : ['--omit=optional', '--offline']
  const quiet = ['--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error']
  const own = ['--global=false', '--no-save', '--no-package-lock', '--ignore-scripts']
  const said = await outcomeOf(
    existsSync(beside) ? beside : 'npm',
    ['install', '--prefix', prefix, ...own, ...quiet, ...only, tarball],
    { cwd: prefix, timeoutMs: heavy ? HEAVY_TIMEOUT_MS : UNPACK_TIMEOUT_MS, signal },
  )
  if (!said.failed) return
  throw new UpgradeError(
    'not_installed',
    `npm cannot install it: ${said.stderr.trim() || 'it says nothing'}. Does npm --version work here? The installed version stays in place`,
  )
}

/** What a version, by its program, says that it is; undefined when it does not run. */
export async function versionSaidBy(
  program: string,
  signal: AbortSignal,
): Promise<{ readonly version: string | undefined; readonly said: string }> {
  const outcome = await outcomeOf(process.execPath, [program, 'version', '--json'], {
    cwd: dirname(program),
    timeoutMs: TRIAL_TIMEOUT_MS,
    signal,
  })
  const [, version] = /^\{"version":"([\d.]+)"/.exec(outcome.stdout) ?? []
  return { version: outcome.failed ? undefined : version, said: outcome.stderr.trim() }
}

/** Runs a program without a shell, with this Node first, for what npm starts. */
function outcomeOf(
  file: string,
  args: readonly string[],
  {
    cwd,
    timeoutMs,
    signal,
  }: { readonly cwd: string; readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<{ readonly failed: boolean; readonly stdout: string; readonly stderr: string }> {
  const PATH = [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter)
  return new Promise((resolve) => {
    const options = {
      cwd,
      env: { ...process.env, PATH },
      timeout: timeoutMs,
      signal,
      maxBuffer: MAX_SAID_BYTES,
      encoding: 'utf8',
    } as const
    const child = execFile(file, args, options, (error, stdout, stderr) =>
      resolve({ failed: error !== null, stdout, stderr: stderr || (error?.message ?? '') }),
    )
    child.stdin?.end()
  })
}
