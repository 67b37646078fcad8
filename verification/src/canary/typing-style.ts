/** Shares of users who type so. Guesses; an operator that may look at its traffic knows better. */
const LOWER_CASE = 0.25
const CAPITAL_FIRST = 0.9
const NO_END = 0.15
const NO_APOSTROPHE = 0.3

/** The same request as someone else would type it. */
export function restyled(text: string, random: () => number): string {
  let typed = text
  if (random() < LOWER_CASE) typed = typed.toLowerCase()
  else if (random() < CAPITAL_FIRST) typed = typed.charAt(0).toUpperCase() + typed.slice(1)
  if (random() < NO_END) typed = typed.replace(/[.?!]$/, '')
  return random() < NO_APOSTROPHE ? typed.replaceAll("'", '') : typed
}
