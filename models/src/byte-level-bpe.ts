import { spell, unspell } from './byte-alphabet.ts'
import { GgufError, type GgufHeader, type GgufValue } from './gguf-format.ts'

/** GPT-2's split of text into words, each tokenised on its own (llama.cpp's "gpt-2"). */
export const WORD_PATTERN =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu

/** Words remembered with their tokens. Text repeats itself; a flood of new words must not stay. */
const CACHED_WORDS = 4_096
/** Longer words are not worth a cache entry. */
const CACHED_WORD_CHARS = 64

/** GGUF token types that mean "control token". */
const CONTROL_TOKEN = 3

export type Vocabulary = {
  /** Token spellings by id, in the byte alphabet (control tokens as plain text). */
  readonly tokens: readonly string[]
  /** Merge rules, best first, as "left right". */
  readonly merges: readonly string[]
  /** Ids of tokens that mark structure (`<|im_end|>`) and never appear in decoded text. */
  readonly controlTokens: ReadonlySet<number>
}

/** A byte-level BPE tokenizer: every text has tokens, and decoding them gives the text back. */
export class ByteLevelBpe {
  readonly vocabulary: Vocabulary
  readonly #ids: ReadonlyMap<string, number>
  readonly #ranks: ReadonlyMap<string, number>
  readonly #controlPattern: RegExp | undefined
  readonly #cache = new Map<string, readonly number[]>()

  constructor(vocabulary: Vocabulary) {
    this.vocabulary = vocabulary
    this.#ids = new Map(vocabulary.tokens.map((token, id) => [token, id]))
    this.#ranks = new Map(vocabulary.merges.map((merge, rank) => [merge, rank]))
    this.#controlPattern = controlPattern(vocabulary)
  }

  /** How many tokens there are. */
  get size(): number {
    return this.vocabulary.tokens.length
  }

  /** The id of a token by its exact spelling, such as `<|im_end|>`. */
  idOf(token: string): number | undefined {
    return this.#ids.get(token)
  }

  /**
   * Token ids of `text`. Control tokens spelled out in the text become those tokens, which is what
   * a rendered chat template needs; `{ control: 'text' }` keeps them ordinary characters.
   */
  encode(text: string, options: { control?: 'parse' | 'text' } = {}): number[] {
    if (!this.#controlPattern || options.control === 'text') return this.#encodeText(text)
    const ids: number[] = []
    for (const part of text.split(this.#controlPattern)) {
      const id = this.#ids.get(part)
      if (id !== undefined && this.vocabulary.controlTokens.has(id)) ids.push(id)
      else for (const textId of this.#encodeText(part)) ids.push(textId)
    }
    return ids
  }

  /** The bytes one token stands for: none for a control token or an id outside the vocabulary. */
  bytesOf(id: number): Uint8Array {
    if (this.vocabulary.controlTokens.has(id)) return new Uint8Array(0)
    return unspell(this.vocabulary.tokens[id] ?? '')
  }

  /** The text of `ids`, invalid UTF-8 replaced, control tokens left out. */
  decode(ids: Iterable<number>): string {
    const decoder = this.decoder()
    let text = ''
    for (const id of ids) text += decoder.push(id)
    return text + decoder.flush()
  }

  /** A decoder for a token stream: it holds back bytes until they complete a character. */
  decoder(): TokenDecoder {
    const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })
    return {
      push: (id) => utf8.decode(this.bytesOf(id), { stream: true }),
      flush: () => utf8.decode(),
    }
  }

  #encodeText(text: string): number[] {
    const ids: number[] = []
    for (const [word] of text.matchAll(WORD_PATTERN)) {
      for (const id of this.#encodeWord(word)) ids.push(id)
    }
    return ids
  }

  #encodeWord(word: string): readonly number[] {
    const cached = this.#cache.get(word)
    if (cached) return cached
    const symbols = applyMerges(spell(word), this.#ranks)
    const ids = symbols.flatMap((symbol) => this.#ids.get(symbol) ?? [])
    if (word.length <= CACHED_WORD_CHARS) {
      if (this.#cache.size >= CACHED_WORDS) this.#cache.clear()
      this.#cache.set(word, ids)
    }
    return ids
  }
}

/** Turns token ids into text as they arrive. */
export type TokenDecoder = {
  /** The characters that `id` completes; '' while a character is still incomplete. */
  push(id: number): string
  /** What is left at the end: '' or a replacement character for an unfinished one. */
  flush(): string
}

/**
 * The tokenizer a GGUF file describes.
 * @throws GgufError `unsupported` unless it is byte-level BPE with GPT-2's splitting,
 * `incomplete_model` when its vocabulary is missing.
 */
export function tokenizerFromGguf(header: GgufHeader): ByteLevelBpe {
  const model = header.metadata.get('tokenizer.ggml.model')
  const splitting = header.metadata.get('tokenizer.ggml.pre') ?? 'gpt-2'
  if (model !== 'gpt2' || splitting !== 'gpt-2') {
    throw new GgufError('unsupported', `tokenizer ${String(model)}/${String(splitting)}`)
  }
  const types = header.metadata.get('tokenizer.ggml.token_type')
  const controlTokens = new Set<number>()
  if (typeof types === 'object') {
    types.items.forEach((type, id) => type === CONTROL_TOKEN && controlTokens.add(id))
  }
  return new ByteLevelBpe({
    tokens: strings(header.metadata.get('tokenizer.ggml.tokens'), 'tokenizer.ggml.tokens'),
    merges: strings(header.metadata.get('tokenizer.ggml.merges'), 'tokenizer.ggml.merges'),
    controlTokens,
  })
}

/**
 * Merges neighbours until no rule applies: each pass takes the best-ranked pair present and merges
 * all its occurrences, so the cost is one pass per distinct rule used, however long the word.
 */
function applyMerges(symbols: string[], ranks: ReadonlyMap<string, number>): string[] {
  let current = symbols
  for (;;) {
    let best = ''
    let bestRank = Number.POSITIVE_INFINITY
    for (let i = 0; i + 1 < current.length; i++) {
      const pair = `${current[i]} ${current[i + 1]}`
      const rank = ranks.get(pair)
      if (rank !== undefined && rank < bestRank) {
        best = pair
        bestRank = rank
      }
    }
    if (best === '') return current
    current = mergePair(current, best)
  }
}

/** `symbols` with every occurrence of `pair` ("left right") joined, left to right. */
export function mergePair(symbols: readonly string[], pair: string): string[] {
  const merged: string[] = []
  for (let i = 0; i < symbols.length; i++) {
    const symbol = symbols[i] ?? ''
    if (i + 1 < symbols.length && `${symbol} ${symbols[i + 1]}` === pair) {
      merged.push(symbol + symbols[i + 1])
      i++
    } else {
      merged.push(symbol)
    }
  }
  return merged
}

function controlPattern({ tokens, controlTokens }: Vocabulary): RegExp | undefined {
  const spellings = [...controlTokens].flatMap((id) => tokens[id] ?? [])
  if (spellings.length === 0) return undefined
  const longestFirst = spellings.sort((a, b) => b.length - a.length)
  return new RegExp(
    `(${longestFirst.map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|')})`,
  )
}

function strings(value: GgufValue | undefined, key: string): string[] {
  if (typeof value !== 'object' || value.itemType !== 'string') {
    throw new GgufError('incomplete_model', `${key} is missing or not a list of strings`)
  }
  return value.items.map(String)
}
