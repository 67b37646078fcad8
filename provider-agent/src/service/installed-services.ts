import { readFileSync } from 'node:fs'
import { dataRootIn, UNIT_MARK } from './render-unit.ts'

/** The services that `service install` has written here, as far as the user who asks can see. */
export interface InstalledServices {
  /** The machine's. */
  readonly system: boolean
  /** Where the user's own has key and receipts; undefined: there is none. */
  readonly userData: string | undefined
}

/** Reads the units of either scope, by the paths of their files. */
export function installedServices(units: {
  readonly system: string
  readonly user: string
}): InstalledServices {
  const user = ourUnit(units.user)
  return {
    system: ourUnit(units.system) !== undefined,
    userData: user === undefined ? undefined : dataRootIn(user),
  }
}

function ourUnit(path: string): string | undefined {
  try {
    const text = readFileSync(path, 'utf8')
    return text.startsWith(UNIT_MARK) ? text : undefined
  } catch {
    // Not there, or nobody's to read: then it is no help to its owner.
    return undefined
  }
}
