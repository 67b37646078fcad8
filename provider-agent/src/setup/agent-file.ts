import { readFileSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { z } from 'zod'
import { renameDurably, writeDurably } from '../durable-file.ts'
import { errorMessage } from '../error-message.ts'
import { isErrno } from '../file-link.ts'
import { makeFolder } from '../make-folder.ts'

/** The most that the options of an agent take; a wrong file is longer. */
const MAX_BYTES = 64 * 1024

/** With this value in the environment, `run` reads no file: its arguments say all. */
export const SETTINGS_VARIABLE = 'INFERNET_SETTINGS'
export const NO_SETTINGS = 'none'

export type AgentFileErrorCode = 'unreadable' | 'unwritable' | 'bad_json' | 'bad_entry'

/** `agent.json` cannot be used; the message is for the owner and names the file. */
export class AgentFileError extends Error {
  override readonly name = 'AgentFileError'
  readonly code: AgentFileErrorCode
  /** Without the file's name, and what to do. */
  readonly reason: string

  constructor(code: AgentFileErrorCode, path: string, reason: string, options?: ErrorOptions) {
    super(
      code === 'unwritable'
        ? `cannot write ${path}: ${reason}`
        : `${path}: ${reason}. Mend it, or make it anew: infernet-agent setup`,
      options,
    )
    this.code = code
    this.reason = reason
  }
}

/** The value of an option: `true` for one that takes none, a list for one that is said several times. */
const entrySchema = z.union([
  z.string(),
  z.number(),
  z.literal(true),
  z.array(z.string()).min(1).max(256),
])
export type AgentFileEntry = z.infer<typeof entrySchema>

const agentFileSchema = z.record(z.string(), entrySchema)
/** Options of `run` by their long names. */
export type AgentFile = Readonly<Record<string, AgentFileEntry>>

/** Reads the file, if there is one. Throws {@link AgentFileError}. */
export function readAgentFile(path: string): AgentFile | undefined {
  const text = textAt(path)
  if (text === undefined) return undefined
  const read = agentFileSchema.safeParse(jsonIn(text, path))
  if (read.success) return read.data
  const [name] = read.error.issues[0]?.path ?? []
  throw name === undefined
    ? new AgentFileError('bad_json', path, 'it has no list of options')
    : badEntry(path, String(name), 'it takes a text, a number, true, or a list of texts')
}

/** What is wrong with one entry, and what its owner can do. */
export const badEntry = (path: string, name: string, reason: string): AgentFileError =>
  new AgentFileError('bad_entry', path, `'${name}': ${reason}`)

function textAt(path: string): string | undefined {
  try {
    const text = readFileSync(path, 'utf8')
    if (text.length <= MAX_BYTES) return text
  } catch (cause) {
    if (isErrno(cause, 'ENOENT') || isErrno(cause, 'ENOTDIR')) return undefined
    throw new AgentFileError('unreadable', path, errorMessage(cause), { cause })
  }
  throw new AgentFileError('unreadable', path, `it is longer than ${MAX_BYTES} bytes`)
}

function jsonIn(text: string, path: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new AgentFileError('bad_json', path, `it is not JSON (${errorMessage(cause)})`, { cause })
  }
}

/** Puts the file in place in one step: a crash leaves the old one or the new one. Throws {@link AgentFileError}. */
export function writeAgentFile(path: string, file: AgentFile): void {
  const draft = `${path}.${process.pid}.new`
  try {
    makeFolder(dirname(path))
    // It may hold the key of an engine: nobody else is to read it.
    writeDurably(draft, `${JSON.stringify(file, null, 2)}\n`)
    renameDurably(draft, path)
  } catch (cause) {
    rmSync(draft, { force: true })
    throw new AgentFileError('unwritable', path, errorMessage(cause), { cause })
  }
}
