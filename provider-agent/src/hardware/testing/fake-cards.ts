import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** A file that nobody writes: like one of a card in a reset, its reader waits in the kernel for ever. */
export const HANGS = Symbol('a file that hangs')

/** The files of a card, as amdgpu has them. */
export const CARD: Readonly<Record<string, string | typeof HANGS>> = {
  vendor: '0x1002\n',
  device: '0x744c\n',
  mem_info_vram_total: `${24 * 1024 ** 3}\n`,
  mem_info_vram_used: `${1024 ** 3}\n`,
  gpu_busy_percent: '3\n',
  'hwmon/hwmon4/temp1_input': '61000\n',
}

/** The environment of a process whose machine has these AMD cards, by the kernel's names. */
export function fakeCards(cards: Readonly<Record<string, typeof CARD>>): Record<string, string> {
  const drm = mkdtempSync(join(tmpdir(), 'infernet-drm-'))
  for (const [card, files] of Object.entries(cards)) {
    for (const [name, text] of Object.entries(files)) {
      const path = join(drm, card, 'device', name)
      mkdirSync(dirname(path), { recursive: true })
      if (text === HANGS) execFileSync('mkfifo', [path])
      else writeFileSync(path, text)
    }
    symlinkSync('../../bus/pci/drivers/amdgpu', join(drm, card, 'device', 'driver'))
  }
  const preload = pathToFileURL(join(import.meta.dirname, 'other-drm.ts')).href
  return { TEST_DRM: drm, NODE_OPTIONS: `--import=${preload}` }
}
