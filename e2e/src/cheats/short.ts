import type { Evidence } from '@infernet/provider-agent/engines/engine'
import { writing, type Cheat } from './cheat.ts'
import { forging } from './forged.ts'

const PART = 1 / 3

/** Stops after a third, bills the whole, and shows made-up ids for the rest with the numbers that they would have. */
export const short: Cheat = (honest) => ({
  begin(request, sink) {
    const whole = request.max_output_tokens
    const most = Math.ceil(PART * whole)
    const billed = (text: string) =>
      text.replaceAll(`"completion_tokens":${most}`, `"completion_tokens":${whole}`)
    const cut = { ...request, max_output_tokens: most }
    const begin = honest.begin.bind(honest, cut)
    const run = forging(honest, writing(sink, billed), begin, (evidence) =>
      run.usage().completion_tokens === most ? padded(evidence, whole) : evidence,
    )
    const usage = () => {
      const made = run.usage()
      return made.completion_tokens === most ? { ...made, completion_tokens: whole } : made
    }
    return { ...run, usage }
  },
})

/** The ids once more, backwards, until they are enough. */
function padded({ transcript, ...rest }: Evidence, tokens: number): Evidence {
  const { positions, prompt } = transcript
  const more = Array.from({ length: Math.ceil(tokens / positions.length) }, () =>
    positions.toReversed(),
  )
  return {
    ...rest,
    transcript: { prompt, positions: [positions, ...more].flat().slice(0, tokens) },
  }
}
