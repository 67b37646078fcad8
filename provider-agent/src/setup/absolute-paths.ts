import { resolve } from 'node:path'
import type { AgentFile, AgentFileEntry } from './agent-file.ts'

const FILES: ReadonlySet<string> = new Set([
  'engine-program',
  'lnd-cert',
  'lnd-macaroon',
  'sandbox-read',
])
/** They take words as well. */
const MAYBE_FILES: ReadonlySet<string> = new Set(['spec-weights', 'spec-template', 'spec-defaults'])

/**
 * Options whose files are named from the root on, so that `run` finds them wherever it is started. `folder`
 * is what they were relative to.
 */
export function absolutePaths(
  options: AgentFile,
  folder: string,
  exists: (path: string) => boolean,
): AgentFile {
  const isServers = options['engine'] === 'openai-http' || isOfServer(options)
  const absolute = (name: string, text: string): string => {
    const path = resolve(folder, text)
    if (FILES.has(name)) return path
    if (MAYBE_FILES.has(name)) return exists(path) ? path : text
    return name === 'model' && !isServers ? modelAt(text, folder) : text
  }
  const entries = Object.entries(options).map(([name, entry]): [string, AgentFileEntry] => {
    if (typeof entry === 'string') return [name, absolute(name, entry)]
    return [name, Array.isArray(entry) ? entry.map((text) => absolute(name, text)) : entry]
  })
  return Object.fromEntries(entries)
}

const isOfServer = ({ engine, 'engine-url': url }: AgentFile): boolean =>
  engine === undefined && url !== undefined

/** `FILE` or `NAME=FILE`. */
function modelAt(text: string, folder: string): string {
  const equals = text.indexOf('=')
  return text.slice(0, equals + 1) + resolve(folder, text.slice(equals + 1))
}
