import { basename, dirname, join } from 'node:path'

/** Folders that ProtectHome and PrivateTmp put something else over. */
const HIDDEN = ['/home/', '/root/', '/run/user/', '/tmp/', '/var/tmp/']

export const isHidden = (path: string): boolean => HIDDEN.some((folder) => path.startsWith(folder))

/** One of the files that a large model comes in; the engine finds the others beside it. */
const PART = /-\d{5}-of-\d{5}\.gguf$/i

/** What must be shown so that the model at `path` can be read: nothing beside it, if it is one file. */
export const modelPath = (path: string): string =>
  PART.test(basename(path)) ? dirname(path) : path

/** Of a program, its folder; of one in `bin`, what is beside that as well, such as its libraries. */
export function programPath(path: string): string {
  const folder = dirname(path)
  return basename(folder) === 'bin' ? dirname(folder) : folder
}

/**
 * The folder that holds the agent's script and all modules it loads: the nearest with a lockfile, or the
 * `node_modules` that the script is in.
 */
export function installationOf(script: string, exists: (path: string) => boolean): string {
  const [, modules] = /^(.*?\/node_modules)\//.exec(script) ?? []
  if (modules !== undefined) return modules
  for (let folder = dirname(script); folder !== dirname(folder); folder = dirname(folder))
    if (exists(join(folder, 'package-lock.json'))) return folder
  return dirname(script)
}

/** The paths that a unit must show, each once and none inside another. */
export function shownPaths(paths: readonly string[]): string[] {
  const hidden = [...new Set(paths.filter(isHidden))]
  return hidden.filter(
    (path) => !hidden.some((other) => other !== path && path.startsWith(`${other}/`)),
  )
}
