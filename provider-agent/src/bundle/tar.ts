/** A file in an archive. */
export interface TarFile {
  /** Of up to 100 bytes. */
  readonly name: string
  readonly bytes: Uint8Array
}

const BLOCK = 512
/** Name, mode, owner, group, size, time, checksum, type; the rest stays zero. */
const AT = { name: 0, mode: 100, uid: 108, gid: 116, size: 124, time: 136, sum: 148, type: 156 }
const MAGIC_AT = 257
const MAX_NAME_BYTES = 100

/** The files as an archive in the ustar format of POSIX; `at` is their time, ms since the epoch. */
export function tarOf(files: readonly TarFile[], at: number): Uint8Array {
  const blocks = files.flatMap(({ name, bytes }) => {
    const padding = Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK)
    return [headerOf(name, bytes.length, at), bytes, padding]
  })
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)])
}

function headerOf(name: string, size: number, at: number): Buffer {
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) throw new RangeError(`'${name}' is too long a name`)
  const header = Buffer.alloc(BLOCK)
  header.write(name, AT.name)
  header.write('0000600\0', AT.mode)
  header.write('0000000\0', AT.uid)
  header.write('0000000\0', AT.gid)
  header.write(`${octal(size)}\0`, AT.size)
  header.write(`${octal(Math.floor(at / 1000))}\0`, AT.time)
  header.write('        ', AT.sum)
  header.write('0', AT.type)
  header.write('ustar\x0000', MAGIC_AT)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, AT.sum)
  return header
}

const octal = (n: number): string => n.toString(8).padStart(11, '0')
