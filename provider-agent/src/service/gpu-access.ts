import { existsSync } from 'node:fs'

/** Device files of NVIDIA's driver, AMD's compute driver, and Mesa's. */
const GPU_FILES = ['/dev/nvidiactl', '/dev/kfd', '/dev/dri']
const GPU_GROUPS: ReadonlySet<string> = new Set(['render', 'video'])

/** Whether a driver of a GPU is there. */
export const hasGpuFiles = (): boolean => GPU_FILES.some((path) => existsSync(path))

/** The groups in `/etc/group` that may use a GPU: naming one that is not there would fail the start. */
export const gpuGroupsIn = (groupFile: string): string[] =>
  groupFile
    .split('\n')
    .map((line) => line.split(':')[0] ?? '')
    .filter((name) => GPU_GROUPS.has(name))
