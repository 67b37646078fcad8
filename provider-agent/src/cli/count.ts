import { InvalidArgumentError } from 'commander'

/** A reader of whole numbers from 1 to `max`. */
export const count =
  (max: number) =>
  (text: string): number => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= 1 && value <= max) return value
    throw new InvalidArgumentError(`Expected a whole number from 1 to ${max}.`)
  }
