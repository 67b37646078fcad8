import { writing, type Cheat } from './cheat.ts'

const TIMES = 3

/** Counts three tokens for each that it made. */
export const inflated: Cheat = (honest) => ({
  begin(request, sink) {
    const run = honest.begin(request, writing(sink, inflatedUsage))
    const usage = () => {
      const counted = run.usage()
      return { ...counted, completion_tokens: TIMES * counted.completion_tokens }
    }
    return { ...run, usage }
  },
})

const inflatedUsage = (text: string): string =>
  text.replace(/"completion_tokens":(\d+)/g, (_, tokens) => `"completion_tokens":${TIMES * tokens}`)
