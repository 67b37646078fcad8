const [HEADER, SEGMENT] = [64, 56]
const BASE = 0x400000

/** What asks for its number as programs of 32 bits do, and then ends with 0 as those of 64 bits do. */
const CODE = Buffer.from('b814000000cd8031ffb83c0000000f05', 'hex')

/** A program for x86-64 that makes a call of 32 bits: an ELF file with no more in it than it must have. */
export function oldCallProgram(): Buffer {
  const file = Buffer.alloc(HEADER + SEGMENT + CODE.length)
  file.write('\x7fELF\x02\x01\x01', 'latin1')
  // Executable, x86-64, version; entry, and where its segment is described.
  file.writeUInt16LE(2, 16)
  file.writeUInt16LE(0x3e, 18)
  file.writeUInt32LE(1, 20)
  file.writeBigUInt64LE(BigInt(BASE + HEADER + SEGMENT), 24)
  file.writeBigUInt64LE(BigInt(HEADER), 32)
  file.writeUInt16LE(HEADER, 52)
  file.writeUInt16LE(SEGMENT, 54)
  file.writeUInt16LE(1, 56)
  // To be loaded, to be read and run; the whole file at its address.
  file.writeUInt32LE(1, HEADER)
  file.writeUInt32LE(5, HEADER + 4)
  file.writeBigUInt64LE(BigInt(BASE), HEADER + 16)
  file.writeBigUInt64LE(BigInt(BASE), HEADER + 24)
  file.writeBigUInt64LE(BigInt(file.length), HEADER + 32)
  file.writeBigUInt64LE(BigInt(file.length), HEADER + 40)
  file.writeBigUInt64LE(0x1000n, HEADER + 48)
  CODE.copy(file, HEADER + SEGMENT)
  return file
}
