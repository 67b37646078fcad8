/** What a text begins with that engines take for an address, or for a file: `http:`, `C:\`, `/`, `~/`, `../`. */
const PLACE = /^\s*(?:[a-z][a-z0-9+.-]*:(?!\s|$)|[~.]{0,2}\/|\\\\)/i

/** Whether a JSON value has a text in it, however deep, that names an address or a file. */
export function namesPlace(value: unknown): boolean {
  if (typeof value === 'string') return PLACE.test(value)
  if (typeof value !== 'object' || value === null) return false
  return Object.values(value).some(namesPlace)
}
