import { resolve } from 'node:path'
import { isNamedFile } from '../service/file-options.ts'
import type { AgentFile, AgentFileEntry } from './agent-file.ts'
import { isServerBeside } from './server-beside.ts'

/**
 * Options whose files are named from the root on, so that `run` finds them wherever it is started. `folder`
 * is what they were relative to.
 */
export function absolutePaths(options: AgentFile, folder: string): AgentFile {
  const isServers = isServerBeside(options)
  const absolute = (name: string, text: string): string => {
    if (name === 'model' && !isServers) return modelAt(text, folder)
    return isNamedFile(name, text) ? resolve(folder, text) : text
  }
  const entries = Object.entries(options).map(([name, entry]): [string, AgentFileEntry] => {
    if (typeof entry === 'string') return [name, absolute(name, entry)]
    return [name, Array.isArray(entry) ? entry.map((text) => absolute(name, text)) : entry]
  })
  return Object.fromEntries(entries)
}

/** `FILE` or `NAME=FILE`. */
function modelAt(text: string, folder: string): string {
  const equals = text.indexOf('=')
  return text.slice(0, equals + 1) + resolve(folder, text.slice(equals + 1))
}
