import { constants } from 'node:fs'
import { open, readdir, stat, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'

/** Beside weights stand a tokenizer's settings, of some MB at most. */
const MAX_SIDE_FILE_BYTES = 64 * 1024 * 1024
const HEAD_BYTES = 9
const GGUF_MAGIC = 'GGUF'
const OPENING_BRACE = 0x7b

/**
 * Whether what a server names as its weights are weights: a GGUF file, or a folder of safetensors and nothing
 * in the other files' places that never ends. Servers are believed no more than that: whoever has taken
 * their port would be told the hash of any file that we can read. Rejects with what the system says.
 */
export async function isWeights(path: string): Promise<boolean> {
  if (!(await stat(path)).isDirectory()) return isWeightFile(path)
  const names = await readdir(path)
  const files = names.map(async (name) => {
    const file = join(path, name)
    if (name.endsWith('.safetensors')) return isWeightFile(file)
    return !/\.(json|jinja)$/.test(name) || isSmall(file)
  })
  return (await Promise.all(files)).every(Boolean)
}

/** Every template says something in these; a key does not. */
const TEMPLATE_MARK = /\{[{%]/

/** A file that a server has named is none of a model's. */
class NotModelError extends Error {
  override readonly name = 'NotModelError'
  readonly code = 'not_a_model'
}

/**
 * The bytes of weights that a server has named, looked at once more: the path may lead elsewhere by now.
 * Throws {@link NotModelError}, or what the system says.
 */
export async function* namedWeights(path: string): AsyncGenerator<Buffer> {
  const file = await openAtOnce(path)
  try {
    if (!(await isWeightHead(file))) throw new NotModelError(`${path} has no weights`)
    for await (const chunk of file.createReadStream({ autoClose: false })) yield chunk as Buffer
  } finally {
    await file.close()
  }
}

/**
 * The text of a file beside them; undefined where it cannot be read. Throws {@link NotModelError} for one
 * that never ends, or stands in a template's place and is none.
 */
export async function namedText(path: string): Promise<string | undefined> {
  const file = await openAtOnce(path).catch(() => undefined)
  if (file === undefined) return undefined
  try {
    const stats = await file.stat()
    const isSound = stats.isFile() && stats.size <= MAX_SIDE_FILE_BYTES
    const text = isSound ? await file.readFile('utf8') : ''
    if (isSound && (!path.endsWith('.jinja') || TEMPLATE_MARK.test(text))) return text
    throw new NotModelError(`${path} is not a model's`)
  } finally {
    await file.close()
  }
}

/** What is not there will not be read. */
async function isSmall(path: string): Promise<boolean> {
  const stats = await stat(path).catch(() => undefined)
  return stats?.isFile() !== false && (stats?.size ?? 0) <= MAX_SIDE_FILE_BYTES
}

/** A pipe would let us wait for its writer, were it opened otherwise. */
const openAtOnce = (path: string): Promise<FileHandle> =>
  open(path, constants.O_RDONLY | constants.O_NONBLOCK)

async function isWeightFile(path: string): Promise<boolean> {
  const file = await openAtOnce(path)
  try {
    return await isWeightHead(file)
  } finally {
    await file.close()
  }
}

async function isWeightHead(file: FileHandle): Promise<boolean> {
  const stats = await file.stat()
  if (!stats.isFile() || stats.size < HEAD_BYTES) return false
  const { buffer } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0)
  if (buffer.toString('latin1', 0, GGUF_MAGIC.length) === GGUF_MAGIC) return true
  const headerBytes = buffer.readBigUInt64LE(0)
  return buffer[HEAD_BYTES - 1] === OPENING_BRACE && headerBytes + 8n <= BigInt(stats.size)
}
