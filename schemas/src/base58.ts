/** base58btc, as libp2p writes peer ids (multiformats, base `z` without its prefix). */
const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
const VALUE = new Map([...ALPHABET].map((character, value) => [character, value]))

export function encodeBase58(bytes: Uint8Array): string {
  const digits: number[] = []
  for (const byte of bytes) {
    let carry = byte
    for (let i = 0; i < digits.length; i++) {
      carry += (digits[i] ?? 0) << 8
      digits[i] = carry % 58
      carry = Math.floor(carry / 58)
    }
    for (; carry > 0; carry = Math.floor(carry / 58)) digits.push(carry % 58)
  }
  let leading = 0
  while (leading < bytes.length && bytes[leading] === 0) leading++
  return '1'.repeat(leading) + digits.reverse().map((digit) => ALPHABET[digit]).join('')
}

/** Returns undefined for text outside the alphabet. Callers bound the length first. */
export function decodeBase58(text: string): Uint8Array | undefined {
  const bytes: number[] = []
  for (const character of text) {
    let carry = VALUE.get(character)
    if (carry === undefined) return undefined
    for (let i = 0; i < bytes.length; i++) {
      carry += (bytes[i] ?? 0) * 58
      bytes[i] = carry & 0xff
      carry >>= 8
    }
    for (; carry > 0; carry >>= 8) bytes.push(carry & 0xff)
  }
  let leading = 0
  while (leading < text.length && text[leading] === '1') leading++
  return Uint8Array.from([...new Array<number>(leading).fill(0), ...bytes.reverse()])
}
