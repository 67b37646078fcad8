/** A card's serial number: tools and the kernel write one in different ways, it is told apart by sixteen hex digits. */
export function serialOf(id: string | undefined): string | undefined {
  const digits = /^(?:0x)?([0-9a-f]{1,16})$/i.exec(id ?? '')?.[1]
  if (digits === undefined || /^0+$/.test(digits)) return undefined
  return digits.toLowerCase().padStart(16, '0')
}
