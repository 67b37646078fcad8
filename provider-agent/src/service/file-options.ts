import { isSha256 } from '../engines/spec-words.ts'

const isNoWord = (): boolean => false

/** Options that name files, beside `--model`, and which texts are words to them and no files. */
const IS_WORD: ReadonlyMap<string, (text: string) => boolean> = new Map([
  ['spec-weights', isSha256],
  ['spec-template', isSha256],
  ['spec-defaults', (text: string) => text === 'vllm'],
  ['lnd-cert', isNoWord],
  ['lnd-macaroon', isNoWord],
  ['engine-program', isNoWord],
  ['sandbox-read', isNoWord],
])

/** Whether the option of this long name says a file with this text. `--model` is not looked at: it depends on the engine. */
export const isNamedFile = (option: string, text: string): boolean =>
  IS_WORD.get(option)?.(text) === false
