const BARS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']

/** One bar per value, the highest as high as it goes; a value above zero is never the lowest bar. */
export function sparkline(values: readonly bigint[]): string {
  const most = values.reduce((max, value) => (value > max ? value : max), 0n)
  const top = BigInt(BARS.length - 1)
  return values
    .map((value) => {
      const height = most === 0n ? 0n : (value * top + most - 1n) / most
      return BARS[Number(height)] ?? ''
    })
    .join('')
}
