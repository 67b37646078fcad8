/** How a client wants the providers of a model sorted. */
export type ModelSort = 'price' | 'throughput'

/** OpenRouter's shortcuts for `provider.sort`. Other suffixes, such as `:free`, are part of a name. */
const SUFFIXES: readonly (readonly [suffix: string, sort: ModelSort])[] = [
  [':floor', 'price'],
  [':nitro', 'throughput'],
]

/**
 * Takes `:floor` or `:nitro` off the end of a model name. Anything else stays, since names contain
 * colons of their own (`llama3:8b`). Whoever serves a model under the whole name comes first: ask
 * for that before splitting.
 */
export function splitModelName(name: string): { model: string; sort: ModelSort | undefined } {
  for (const [suffix, sort] of SUFFIXES) {
    if (name.endsWith(suffix) && name.length > suffix.length) {
      return { model: name.slice(0, -suffix.length), sort }
    }
  }
  return { model: name, sort: undefined }
}
