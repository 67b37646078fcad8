import { createHash, hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { modelSpecSchema, type ModelSpec } from '@infernet/schemas/model-spec'

/**
 * How requests are rendered here, as a part of an engine's version: raised whenever the same request makes another
 * prompt, or the same tokens another text, than before. A verifier with another rendering would accuse the honest.
 */
export const RENDERING = 'r1'

/** SHA-256, hex, of a file; some 1 GB a second where the CPU helps. */
export async function fileHash(path: string): Promise<string> {
  const sha256 = createHash('sha256')
  await pipeline(createReadStream(path), sha256)
  return sha256.digest('hex')
}

/** The spec of a model that we load ourselves; undefined when a word of it can be no spec's. */
export function localSpec({
  template,
  ...spec
}: Omit<ModelSpec, 'template'> & { readonly template: string }): { spec?: ModelSpec } {
  const whole = { ...spec, template: hash('sha256', template) }
  const { data } = modelSpecSchema.safeParse(whole)
  return data === undefined ? {} : { spec: data }
}
