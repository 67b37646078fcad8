import { NAMESPACE_FLAGS, SOCKET_FAMILIES, type CallTable } from './syscalls.ts'

/** Calls that came after these tables: as if the kernel did not have them. */
const LAST_KNOWN = 470
/** Calls of x32, which have numbers of their own. */
const X32 = 0x40000000
const AF_UNIX = 1
/** TIOCSTI and TIOCLINUX type into a terminal. */
const TERMINAL_ORDERS = [0x5412, 0x541c]

const [EPERM, ENOSYS, EAFNOSUPPORT] = [1, 38, 97]
const ALLOW = 0x7fff0000
const KILL = 0x80000000
const errno = (number: number): number => 0x00050000 | number

/** Offsets in what the kernel hands the filter: number of the call, processor, low half of the first arguments. */
const [CALL, ARCH, FIRST, SECOND] = [0, 4, 16, 24]
/** BPF: load, jump if equal, greater, at least, any bit set, return. */
const [LOAD, EQUAL, GREATER, AT_LEAST, ANY_BIT, RETURN] = [0x20, 0x15, 0x25, 0x35, 0x45, 0x06]

type Instruction = readonly [code: number, value: number, ifTrue?: number, ifFalse?: number]

/** A seccomp filter as bwrap reads it: refuses what no engine needs, and lets through the rest. */
export function seccompProgram(calls: CallTable): Uint8Array {
  const { arch, clone, clone3, socket, socketpair, ioctl, denied } = calls
  return assemble([
    [LOAD, ARCH],
    [EQUAL, arch, 1, 0],
    [RETURN, KILL],
    [LOAD, CALL],
    ...refuse(AT_LEAST, X32, ENOSYS),
    ...refuse(GREATER, LAST_KNOWN, ENOSYS),
    // Its flags are where no filter sees them; C libraries then take clone.
    ...refuse(EQUAL, clone3, ENOSYS),
    ...denied.flatMap((call) => refuse(EQUAL, call, EPERM)),
    ...only(clone, [[LOAD, FIRST], ...refuse(ANY_BIT, NAMESPACE_FLAGS, EPERM), [RETURN, ALLOW]]),
    ...only(socket, [
      [LOAD, FIRST],
      ...SOCKET_FAMILIES.flatMap((family): Instruction[] => [
        [EQUAL, family, 0, 1],
        [RETURN, ALLOW],
      ]),
      [RETURN, errno(EAFNOSUPPORT)],
    ]),
    // Also of this kind of call the kernel loads whatever module an unusual family is in.
    ...only(socketpair, [
      [LOAD, FIRST],
      [EQUAL, AF_UNIX, 0, 1],
      [RETURN, ALLOW],
      [RETURN, errno(EAFNOSUPPORT)],
    ]),
    ...only(ioctl, [
      [LOAD, SECOND],
      ...TERMINAL_ORDERS.flatMap((order) => refuse(EQUAL, order, EPERM)),
    ]),
    [RETURN, ALLOW],
  ])
}

const refuse = (test: number, value: number, error: number): Instruction[] => [
  [test, value, 0, 1],
  [RETURN, errno(error)],
]

/** Instructions for one call; they must return, or be the last. */
const only = (call: number, body: readonly Instruction[]): Instruction[] => [
  [EQUAL, call, 0, body.length],
  ...body,
]

function assemble(program: readonly Instruction[]): Uint8Array {
  const bytes = Buffer.alloc(program.length * 8)
  for (const [i, [code, value, ifTrue = 0, ifFalse = 0]] of program.entries()) {
    bytes.writeUInt16LE(code, i * 8)
    bytes.writeUInt8(ifTrue, i * 8 + 2)
    bytes.writeUInt8(ifFalse, i * 8 + 3)
    bytes.writeUInt32LE(value >>> 0, i * 8 + 4)
  }
  return bytes
}
