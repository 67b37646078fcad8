// An agent whose engine draws with a seed of its own, and says that it was the gateway's: as one does that
// gives answers out of a cache. All else is the agent as it is.
import { LlamaCppEngine } from '@infernet/provider-agent/engines/llama-cpp/llama-cpp'

const honest = LlamaCppEngine.prototype.begin

LlamaCppEngine.prototype.begin = function begin(request, sink) {
  const run = honest.call(this, { ...request, seed: request.seed ^ 1 }, sink)
  return {
    pause: () => run.pause(),
    resume: () => run.resume(),
    abort: () => run.abort(),
    usage: () => run.usage(),
    evidence() {
      const evidence = run.evidence?.()
      if (evidence === undefined) return undefined
      return { ...evidence, sampler: { ...evidence.sampler, seed: String(request.seed) } }
    },
  }
}

await import('@infernet/provider-agent/cli/main')
