import type { CommandRunner } from './command-runner.ts'
import { smiText } from './nvidia-smi.ts'
import { wholeNumber } from './smi-rows.ts'

/** Engines that compute through Vulkan are told as programs that draw; under Windows all engines are. */
const ENGINES =
  /^(llama-server|llama-box|koboldcpp.*|ollama.*|lm studio|lmstudio|node|python[\d.]*)(\.exe)?$/

/**
 * What the busiest program that draws takes of an NVIDIA GPU, in percent of a second; engines are left out.
 * Undefined where the driver does not tell programs apart.
 */
export async function busiestDrawing(run: CommandRunner): Promise<number | undefined> {
  const text = await smiText(run, ['pmon', '-c', '1', '-s', 'um'])
  return text === undefined ? undefined : parseDrawing(text)
}

/** The same of the table that `nvidia-smi pmon` writes. Its columns differ from driver to driver. */
export function parseDrawing(text: string): number | undefined {
  const lines = text.split('\n').map((line) => line.trim())
  const head = lines.find((line) => /^# gpu\s/.test(line))
  const columns = head?.slice(1).trim().split(/\s+/) ?? []
  const [type, sm, command] = ['type', 'sm', 'command'].map((name) => columns.indexOf(name))
  if (type === undefined || sm === undefined || command === undefined) return undefined
  if (type < 0 || sm < 0) return undefined
  const shares = lines.flatMap((line) => {
    const cells = line.startsWith('#') ? [] : line.split(/\s+/)
    const name = command < 0 ? '' : cells.slice(command).join(' ').toLowerCase()
    const draws = cells[type]?.includes('G') === true && !ENGINES.test(name)
    return draws ? (wholeNumber(cells[sm], 100) ?? []) : []
  })
  return Math.max(0, ...shares)
}
