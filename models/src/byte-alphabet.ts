/**
 * GPT-2's way to spell bytes as printable characters: printable Latin-1 stands for itself, the
 * other 68 bytes take the code points from U+0100 on. Vocabularies in GGUF files are written so.
 */

/** The character for every byte. */
export const BYTE_TO_CHAR: readonly string[] = spellBytes()

/** The byte for every character of the alphabet. */
const CHAR_TO_BYTE: ReadonlyMap<string, number> = new Map(
  BYTE_TO_CHAR.map((char, byte) => [char, byte]),
)

/** Text as a string of alphabet characters, one for each byte of its UTF-8. */
export function spell(text: string): string[] {
  return Array.from(new TextEncoder().encode(text), (byte) => BYTE_TO_CHAR[byte] ?? '')
}

/** The bytes a spelled token stands for; characters outside the alphabet count as their UTF-8. */
export function unspell(token: string): Uint8Array {
  const bytes: number[] = []
  for (const char of token) {
    const byte = CHAR_TO_BYTE.get(char)
    if (byte === undefined) bytes.push(...new TextEncoder().encode(char))
    else bytes.push(byte)
  }
  return Uint8Array.from(bytes)
}

function spellBytes(): string[] {
  let next = 256
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173)
    return String.fromCodePoint(printable ? byte : next++)
  })
}
