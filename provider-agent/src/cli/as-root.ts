import { SECRET_NAME } from '../bundle/redact.ts'
import { shellWord } from '../doctor/shell-word.ts'

/** What is for nobody's screen: an option or a setting that is named as secrets are, or a URL with a password. */
const isSecret = (word: string): boolean =>
  (/^-|=/.test(word) && word.split('=').some((part) => SECRET_NAME.test(part))) ||
  /:\/\/[^/]*@/.test(word)

/** The same words once more, as root: `words` without the program's name. */
export const asRoot = (words: readonly string[]): string =>
  `sudo infernet-agent ${words.some(isSecret) ? '…' : words.map(shellWord).join(' ')}`
