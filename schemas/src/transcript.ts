import { z } from 'zod'
import { MAX_CANDIDATES, MAX_TRANSCRIPT_BYTES, MAX_TRANSCRIPT_TOKENS } from './limits.ts'
import { leafHash, merkleRoot } from './merkle.ts'

/** A token and the natural log of its probability under the raw softmax: before temperature, bias and cuts. */
export interface Candidate {
  readonly id: number
  readonly logprob: number
}

/** One place of an answer: the token that stands there, and the likeliest ones that might have. */
export interface Position extends Candidate {
  /** Likeliest first. A provider reports a few; a verifier that computes them anew, more. */
  readonly top: readonly Candidate[]
}

/**
 * What an engine did for one lease, token by token. The provider commits to it in its signed receipt and
 * opens it when it is audited; the client's text is the same tokens, spelled.
 */
export interface Transcript {
  /** The whole prompt as the engine read it, with every special token. */
  readonly prompt: readonly number[]
  /** The answer, with the token that ended it if one did. */
  readonly positions: readonly Position[]
}

/** How an answer's tokens were drawn: what the request said, with the engine's defaults filled in. */
const samplerSettingsSchema = z.object({
  /** 0 takes the likeliest token. */
  temperature: z.number().min(0).max(100),
  /** 0 keeps all. */
  top_k: z.int().nonnegative().max(1e9),
  /** 1 keeps all. */
  top_p: z.number().min(0).max(1),
  /** 0 keeps all. */
  min_p: z.number().min(0).max(1),
  /** Decimal, below 2^63. */
  seed: z.string().regex(/^(0|[1-9][0-9]{0,18})$/),
})

/** How an engine turns a seed and logits into a token; see `replay-variant.ts` in verification. */
const REPLAYS = [
  'llama-cpp',
  'llama-cpp-early-out',
  'vllm-gumbel',
  'vllm-gumbel-murmur',
  'none',
] as const

const sha256 = z.string().regex(/^[0-9a-f]{64}$/)

/** What a provider commits to in a receipt: enough to hold it to every number it will show. */
export const claimSchema = z.object({
  /** The model as it really runs: see `model-spec.ts`. */
  spec: sha256,
  replay: z.enum(REPLAYS),
  sampler: samplerSettingsSchema,
  /** The candidates are those that top_k, top_p and min_p left, their probabilities summing to 1. */
  kept_only: z.boolean(),
  prompt_ids: z.int().positive().max(MAX_TRANSCRIPT_TOKENS),
  prompt_sha256: sha256,
  output_ids: z.int().positive().max(MAX_TRANSCRIPT_TOKENS),
  output_sha256: sha256,
  /** Merkle root (RFC 6962) of the answer's positions, as `encodePosition` has them. */
  positions_root: sha256,
})
export type Claim = z.infer<typeof claimSchema>

/** The commitments of a claim to a transcript. Throws RangeError for one that is empty or over the limits. */
export function commitmentsOf({
  prompt,
  positions,
}: Transcript): Pick<
  Claim,
  'prompt_ids' | 'prompt_sha256' | 'output_ids' | 'output_sha256' | 'positions_root'
> {
  return {
    prompt_ids: prompt.length,
    prompt_sha256: hashOfIds(prompt),
    output_ids: positions.length,
    output_sha256: hashOfIds(positions.map(({ id }) => id)),
    positions_root: hex(
      merkleRoot(positions.map((position) => leafHash(encodePosition(position)))),
    ),
  }
}

/** What of an opened transcript is not what was claimed; undefined when it all is. */
export function openingFault(claim: Claim, opened: Transcript): string | undefined {
  if (opened.prompt.length === 0 || opened.positions.length === 0) return 'it is empty'
  const made = commitmentsOf(opened)
  const wrong = Object.entries(made).find(([name, value]) => claim[name as keyof Claim] !== value)
  return wrong && `its ${wrong[0]} is another`
}

/** SHA-256, hex, of token ids as u32s. */
export const hashOfIds = (ids: readonly number[]): string => hex(leafHash(encodeIds(ids)))

/** Big-endian u32s. */
export function encodeIds(ids: readonly number[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4 * ids.length)
  const view = new DataView(bytes.buffer)
  for (const [i, id] of ids.entries()) view.setUint32(4 * i, id)
  return bytes
}

const CANDIDATE_BYTES = 8
const POSITION_HEAD_BYTES = CANDIDATE_BYTES + 1

const positionBytes = ({ top }: Position): number =>
  POSITION_HEAD_BYTES + CANDIDATE_BYTES * top.length

/**
 * `u32 id | f32 logprob | u8 n | n × (u32 id, f32 logprob)`, big-endian. Four bytes a logprob, not two:
 * what tells eight-bit weights from sixteen is in the fourth digit.
 */
function encodePosition(position: Position): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(positionBytes(position))
  writePosition(new DataView(bytes.buffer), 0, position, MAX_CANDIDATES)
  return bytes
}

function writePosition(view: DataView, at: number, position: Position, most: number): number {
  if (position.top.length > most) throw new RangeError('too many candidates')
  writeCandidate(view, at, position)
  view.setUint8(at + CANDIDATE_BYTES, position.top.length)
  let next = at + POSITION_HEAD_BYTES
  for (const candidate of position.top) next = writeCandidate(view, next, candidate)
  return next
}

function writeCandidate(view: DataView, at: number, { id, logprob }: Candidate): number {
  view.setUint32(at, id)
  view.setFloat32(at + 4, logprob)
  return at + CANDIDATE_BYTES
}

export class TranscriptError extends Error {
  override readonly name = 'TranscriptError'
  readonly code = 'bad_transcript'
}

/** `u32 prompt ids | ids | u32 positions | positions`, big-endian. Throws RangeError beyond `most` candidates. */
export function encodeTranscript(
  { prompt, positions }: Transcript,
  most = MAX_CANDIDATES,
): Uint8Array<ArrayBuffer> {
  const head = 8 + 4 * prompt.length
  const length = positions.reduce((sum, position) => sum + positionBytes(position), head)
  const bytes = new Uint8Array(length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, prompt.length)
  bytes.set(encodeIds(prompt), 4)
  view.setUint32(head - 4, positions.length)
  let at = head
  for (const position of positions) at = writePosition(view, at, position, most)
  return bytes
}

/** Throws {@link TranscriptError}: what a stranger sent may be anything. */
export function decodeTranscript(bytes: Uint8Array, most = MAX_CANDIDATES): Transcript {
  if (bytes.length > MAX_TRANSCRIPT_BYTES) throw new TranscriptError('a transcript is too long')
  const reader = new Reader(bytes)
  const prompt = Array.from({ length: reader.count() }, () => reader.u32())
  const positions = Array.from({ length: reader.count() }, (): Position => {
    const { id, logprob } = reader.candidate()
    const length = reader.u8()
    if (length > most) throw new TranscriptError('a place has too many candidates')
    return { id, logprob, top: Array.from({ length }, () => reader.candidate()) }
  })
  reader.end()
  return { prompt, positions }
}

/** Throws {@link TranscriptError}. */
export function decodeIds(bytes: Uint8Array): number[] {
  const reader = new Reader(bytes)
  if (bytes.length % 4 !== 0) throw new TranscriptError('a list of ids is cut')
  return Array.from({ length: bytes.length / 4 }, () => reader.u32())
}

class Reader {
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1))
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4))
  }

  /** Of things with four bytes or more that follow: none is made room for before it is there. */
  count(): number {
    const count = this.u32()
    const left = this.#view.byteLength - this.#at
    if (count > MAX_TRANSCRIPT_TOKENS || 4 * count > left) {
      throw new TranscriptError('a transcript says that it is longer than it is')
    }
    return count
  }

  candidate(): Candidate {
    const at = this.#take(CANDIDATE_BYTES)
    const logprob = this.#view.getFloat32(at + 4)
    if (!Number.isFinite(logprob) || logprob > 0) {
      throw new TranscriptError('a logprob is no logarithm of a probability')
    }
    return { id: this.#view.getUint32(at), logprob }
  }

  end(): void {
    if (this.#at !== this.#view.byteLength) throw new TranscriptError('a transcript has a tail')
  }

  #take(bytes: number): number {
    const at = this.#at
    if (at + bytes > this.#view.byteLength) throw new TranscriptError('a transcript is cut')
    this.#at += bytes
    return at
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
