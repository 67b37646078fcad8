import type { KernelFiles } from './kernel-files.ts'

/** Where the kernel tells of graphics cards. */
export const DRM = '/sys/class/drm'
const DRIVERS: ReadonlySet<string | undefined> = new Set(['amdgpu', 'radeon'])

/** AMD's cards by the kernel's names, such as `card0`, in its order. Asks no driver, so it never hangs. */
export async function amdCards(files: Omit<KernelFiles, 'read'>): Promise<readonly string[]> {
  const names = (await files.list(DRM)).filter((name) => /^card\d+$/.test(name))
  const inOrder = names.toSorted((a, b) => numberOf(a) - numberOf(b))
  const drivers = await Promise.all(
    inOrder.map((card) => files.linked(`${DRM}/${card}/device/driver`)),
  )
  return inOrder.filter((_, n) => DRIVERS.has(drivers[n]))
}

const numberOf = (card: string): number => Number(card.slice('card'.length))
