/** base58btc, as libp2p writes peer ids (multiformats, base `z` without its prefix). */
const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
const VALUE = new Map([...ALPHABET].map((character, value) => [character, value]))

/** Each leading zero byte is written as one `1`. Quadratic in the length; meant for keys. */
export function encodeBase58(bytes: Uint8Array): string {
  const digits = convertBase(bytes, 256, 58)
  const leading = leadingZeros(bytes)
  return '1'.repeat(leading) + digits.map((digit) => ALPHABET[digit]).join('')
}

/** Returns undefined for text outside the alphabet. Quadratic: callers bound the length first. */
export function decodeBase58(text: string): Uint8Array<ArrayBuffer> | undefined {
  const values: number[] = []
  for (const character of text) {
    const value = VALUE.get(character)
    if (value === undefined) return undefined
    values.push(value)
  }
  const bytes = convertBase(values, 58, 256)
  const decoded = new Uint8Array(leadingZeros(values) + bytes.length)
  decoded.set(bytes, decoded.length - bytes.length)
  return decoded
}

/** The same number in another base, most significant digit first, without leading zeros. */
function convertBase(digits: Iterable<number>, from: number, to: number): number[] {
  const reversed: number[] = []
  for (const digit of digits) {
    let carry = digit
    for (let i = 0; i < reversed.length; i++) {
      carry += (reversed[i] ?? 0) * from
      reversed[i] = carry % to
      carry = Math.floor(carry / to)
    }
    for (; carry > 0; carry = Math.floor(carry / to)) reversed.push(carry % to)
  }
  return reversed.toReversed()
}

function leadingZeros(digits: ArrayLike<number>): number {
  let count = 0
  while (count < digits.length && digits[count] === 0) count++
  return count
}
