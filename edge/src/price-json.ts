import type { Price } from '@infernet/schemas/wire'

/** Prices as clients see them: msat per token, exact decimals. */
export const priceJson = ({ prompt, completion }: Price) => ({
  prompt: perToken(prompt),
  completion: perToken(completion),
})

/** Exact decimal of `perMillion / 1e6`. */
function perToken(perMillion: number): string {
  const digits = String(perMillion).padStart(7, '0')
  const decimal = `${digits.slice(0, -6)}.${digits.slice(-6)}`
  return decimal.replace(/\.?0+$/, '') || '0'
}
