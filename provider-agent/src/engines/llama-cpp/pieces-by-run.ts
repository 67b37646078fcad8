import type { TokenPiece } from '../token-source.ts'
import type { Piece } from './messages.ts'
import { unpackPosition } from './packed-position.ts'

/** Groups one tick's pieces by run, so that each job gets its tokens in one call. */
export function piecesByRun(pieces: readonly Piece[]): ReadonlyMap<number, readonly TokenPiece[]> {
  const byRun = new Map<number, TokenPiece[]>()
  for (const [run, text, numbers] of pieces) {
    const position = unpackPosition(numbers)
    const piece = position === undefined ? { text } : { text, position }
    const list = byRun.get(run)
    if (list === undefined) byRun.set(run, [piece])
    else list.push(piece)
  }
  return byRun
}
