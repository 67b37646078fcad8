import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

const NVIDIA = /^nvidia(\d+|ctl|-uvm|-uvm-tools|-modeset)$/
const FOLDERS = ['nvidia-caps', 'dri']
const OTHERS_MAY_WRITE = 0o002

/** The devices of NVIDIA's, AMD's and Mesa's drivers that are here. */
export function gpuDevices(root = '/dev'): string[] {
  const names = list(root)
  const single = names.filter((name) => NVIDIA.test(name) || name === 'kfd')
  const inside = FOLDERS.filter((name) => names.includes(name)).flatMap((folder) =>
    list(join(root, folder)).map((name) => join(folder, name)),
  )
  return [...single, ...inside]
    .map((name) => join(root, name))
    .filter((path) => statSync(path).isCharacterDevice())
}

/** The groups that one must be in to use them. */
export const deviceGroups = (devices: readonly string[]): number[] => {
  const closed = devices
    .map((path) => statSync(path))
    .filter(({ mode }) => !(mode & OTHERS_MAY_WRITE))
  return [...new Set(closed.map(({ gid }) => gid))].filter((gid) => gid !== 0)
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
