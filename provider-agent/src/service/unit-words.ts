export type UnitWordErrorCode = 'unwritable'

/** A text that a unit file cannot hold; the message names it. */
export class UnitWordError extends Error {
  override readonly name = 'UnitWordError'
  readonly code: UnitWordErrorCode = 'unwritable'
}

/** Stands for itself wherever words are split, unescaped and expanded. `%` and `$` are doubled instead. */
const PLAIN = /^[\w\-./:=@,+~%$]$|^\P{ASCII}$/u

/** What systemd itself refuses: it would drop the setting and start without it. */
const CONTROL = /\p{Cc}/u

/**
 * A word as `Environment=` and others that split at spaces take it: systemd splits, undoes `\xHH`,
 * and then expands `%`. Throws {@link UnitWordError}.
 */
export function settingWord(text: string): string {
  assertWritable(text)
  if (text === '') return '""'
  return [...text]
    .map((char) => (PLAIN.test(char) ? char : hex(char)))
    .join('')
    .replaceAll('%', '%%')
}

/** The same for an argument of `ExecStart=`, where systemd expands `$` besides. */
export const execWord = (text: string): string => settingWord(text).replaceAll('$', '$$$$')

/** The program of `ExecStart=`: an absolute path, in which `$` is no variable. */
export const programWord = (path: string): string => settingWord(path)

/**
 * A path of `BindReadOnlyPaths=`. It is split twice, at spaces and then at colons, and knows no `\\xHH`;
 * how it takes quotation marks depends on systemd's version. Throws {@link UnitWordError}.
 */
export function pathWord(path: string): string {
  assertWritable(path)
  if (/["']/.test(path))
    throw new UnitWordError(`${path}: a unit file cannot show this path, for its quotation mark`)
  const escaped = path.replace(/[\\ :]/g, String.raw`\$&`).replaceAll('%', '%%')
  return path.includes(' ') ? `"${escaped}"` : escaped
}

/**
 * The path of `LoadCredential=`, which systemd takes as it stands up to the line's end; only `%` is
 * expanded. Throws {@link UnitWordError}.
 */
export function plainPath(path: string): string {
  assertWritable(path)
  if (/[\\ ]$/.test(path))
    throw new UnitWordError(`a unit file cannot name ${JSON.stringify(path)}`)
  return path.replaceAll('%', '%%')
}

const hex = (char: string): string => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`

function assertWritable(text: string): void {
  if (CONTROL.test(text) || !text.isWellFormed())
    throw new UnitWordError(`a unit file cannot hold ${JSON.stringify(text)}`)
}
