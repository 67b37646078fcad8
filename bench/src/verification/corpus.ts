import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '../../..')
/** Our own text, of one kind, from folders that change little: whenever they do, the models are trained anew. */
const FOLDERS = 'settlement/src/{bolt11,escrow,intake,l402,ledger,lightning,lnurl,macaroon,payout}'
/** Every so manieth file is kept for prompts. */
const HELD_OUT = 4

/** Texts that the bench's models are trained on, and others of their kind. */
export interface Corpus {
  readonly training: readonly string[]
  readonly heldOut: readonly string[]
}

/** TypeScript that we wrote, file by file. */
export function readCorpus(): Corpus {
  const files = globSync(`${FOLDERS}/**/*.ts`, { cwd: ROOT }).toSorted()
  const texts = files.map((file) => readFileSync(join(ROOT, file), 'utf8'))
  return {
    training: texts.filter((_, i) => i % HELD_OUT !== 0),
    heldOut: texts.filter((_, i) => i % HELD_OUT === 0),
  }
}
