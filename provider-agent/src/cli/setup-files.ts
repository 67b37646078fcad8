import { renameSync } from 'node:fs'
import type { Command } from 'commander'
import { dataDir } from '../data-dir.ts'
import { EXIT, OwnerError } from '../exit-codes.ts'
import { KeyError, loadIdentity } from '../identity.ts'
import { AgentFileError, writeAgentFile, type AgentFile } from '../setup/agent-file.ts'
import { readFileOptions } from './agent-file-options.ts'
import { ownIdentity } from './own-identity.ts'
import { ENTRY_CHECKS, filed, fileOwnersError, settingsPath } from './run-settings.ts'

/** What an earlier setup has left. */
export interface SettingsBefore {
  readonly options: AgentFile
  /** `run` would refuse it: it is put aside. */
  readonly isBad: boolean
  readonly notes: readonly string[]
}

/** Reads the file of the last setup, or what has become of it. Throws OwnerError where it cannot be read. */
export function settingsBefore(path: string, make: () => Command): SettingsBefore {
  try {
    const before = readFileOptions(path, make, ENTRY_CHECKS)
    return { options: before?.file ?? {}, isBad: false, notes: [] }
  } catch (error) {
    if (!(error instanceof AgentFileError)) throw error
    const isBad = error.code === 'bad_json' || error.code === 'bad_entry'
    if (!isBad) throw fileOwnersError(error)
    const note = `what was there cannot be used, and goes to ${path}.old: ${error.reason}`
    return { options: {}, isBad, notes: [note] }
  }
}

/** Makes the key and writes the options; without options nothing. Throws OwnerError. */
export function keep(
  { data }: { readonly data?: string },
  options: AgentFile | undefined,
  { isBad }: SettingsBefore,
): { readonly written: boolean; readonly peer?: string } {
  if (options === undefined) {
    const peer = ownIdentity(data)?.peer
    return { written: false, ...(peer === undefined ? {} : { peer }) }
  }
  const { peer } = madeKey(data)
  const path = settingsPath(data)
  if (isBad) renameSync(path, `${path}.old`)
  filed(() => writeAgentFile(path, options))
  return { written: true, peer }
}

function madeKey(data: string | undefined): { readonly peer: string } {
  try {
    const files = dataDir(data, process.env)
    return loadIdentity(files.key, files).identity
  } catch (error) {
    if (error instanceof KeyError) throw new OwnerError(EXIT.data, error.message)
    throw error
  }
}
