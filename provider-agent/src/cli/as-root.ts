import { shellWord } from '../doctor/shell-word.ts'

/** Options whose values are for nobody's screen. */
const SECRET = /^--(engine|client)-key(=|$)/

/** The same words once more, as root: `words` without the program's name. */
export const asRoot = (words: readonly string[]): string =>
  `sudo infernet-agent ${words.some((word) => SECRET.test(word)) ? '…' : words.map(shellWord).join(' ')}`
