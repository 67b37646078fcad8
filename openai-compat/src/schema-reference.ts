const REFERENCES: ReadonlySet<string> = new Set(['$ref', '$dynamicRef', '$recursiveRef'])

/** Whether a JSON Schema, or what holds some, refers to anything outside itself: some readers fetch that. */
export function leadsOutside(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).some(([key, member]) =>
    REFERENCES.has(key) && typeof member === 'string'
      ? !member.startsWith('#')
      : leadsOutside(member),
  )
}
