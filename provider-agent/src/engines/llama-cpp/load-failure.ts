import { EngineStartError } from '../engine.ts'

/** What the death of a child that never had its model comes to; `lastWords` are those of its standard error. */
export function loadFailure(reason: string, lastWords: string): Error {
  if (!/Cannot find package 'node-llama-cpp'/.test(lastWords)) {
    return new Error(`${reason}. ${lastWords}`)
  }
  return new EngineStartError(
    'GGUF files need node-llama-cpp, which is not installed: npm install infernet-agent ' +
      '--include=optional; or run without it: --engine tiny for the demo model, --engine-url for a server',
  )
}
