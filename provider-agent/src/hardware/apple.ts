import { z } from 'zod'
import type { Gpu } from '@infernet/schemas/hardware'
import { MAX_HARDWARE_NAME_LENGTH } from '@infernet/schemas/limits'
import type { CommandRunner } from './command-runner.ts'
import { acceptable } from './gpu-facts.ts'
import { cardFacts } from './gpu-table.ts'
import { parseJson } from './json-output.ts'
import { wholeNumber } from './smi-rows.ts'

const text = z.string().optional().catch(undefined)
const profileSchema = z.object({
  SPDisplaysDataType: z.array(
    z.object({ sppci_model: text, spdisplays_vendor: text, sppci_cores: text }),
  ),
})

/** The GPU of an Apple chip. It shares the machine's memory, `memoryMib`, unless the owner has set a limit. */
export async function probeApple(
  run: CommandRunner,
  memoryMib: number | undefined,
): Promise<readonly Gpu[]> {
  const args = ['SPHardwareDataType', 'SPDisplaysDataType', '-json']
  const profile = parseJson(profileSchema, (await run('system_profiler', args)).stdout)
  const { stdout } = await run('sysctl', ['-n', 'iogpu.wired_limit_mb'])
  const limit = wholeNumber(stdout.trim(), 2 ** 24) || undefined
  return (profile?.SPDisplaysDataType ?? []).flatMap((display) => {
    const { sppci_model: name, spdisplays_vendor: vendor = '', sppci_cores: cores } = display
    if (name === undefined || !vendor.endsWith('Apple')) return []
    return acceptable({
      vendor: 'apple',
      name: name.slice(0, MAX_HARDWARE_NAME_LENGTH),
      vram_mib: limit ?? memoryMib,
      unified: true,
      cores: wholeNumber(cores, 1e6) || undefined,
      bandwidth_gb_s: cardFacts(name, undefined).bandwidth,
    })
  })
}
