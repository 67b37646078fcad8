import { featureIndex, type Features } from './feature-hash.ts'
import type { RequestShape } from './request-shape.ts'

/** What a provider sees of a request: its shape, and its text where that is to be told apart too. */
export interface SeenRequest {
  readonly shape: RequestShape
  readonly text?: string
}

/** Text read of each: style shows early, and a long paste would drown the rest. UTF-16 units. */
const MAX_TEXT = 1000

const GRAM = 4

/** Length of a text's features, so that they weigh about as much as a shape's. */
const TEXT_LENGTH = 4

/** Everything that a simple classifier could hold on to: exact values, ranges, and pairs of them. */
export function requestFeatures({ shape, text }: SeenRequest): Features {
  const names = shapeFeatures(shape)
  const all: Features = [...names, ...pairs(names)].map((name) => [featureIndex(name), 1])
  return text === undefined ? all : [...all, ...textFeatures(text.slice(0, MAX_TEXT))]
}

function shapeFeatures(shape: RequestShape): string[] {
  return [
    `length ${octaves(shape.promptChars)}`,
    `chars ${shape.promptChars}`,
    `messages ${shape.messages}`,
    `system ${shape.hasSystem} stream ${shape.stream}`,
    `max ${shape.maxTokens}`,
    `temperature ${shape.temperature}`,
    `top_p ${shape.topP}`,
    `hour ${shape.hour}`,
    `gap ${octaves(shape.interArrivalMs)}`,
  ]
}

/** In half octaves. */
const octaves = (value: number): number => Math.round(2 * Math.log2(1 + value))

const pairs = (names: readonly string[]): string[] =>
  names.flatMap((one, i) => names.slice(i + 1).map((other) => `${one} & ${other}`))

/** Words and groups of four characters, the rarer of a text's nearly as loud as its frequent ones. */
function textFeatures(text: string): Features {
  const counts = new Map<number, number>()
  const count = (name: string) => {
    const index = featureIndex(name)
    counts.set(index, (counts.get(index) ?? 0) + 1)
  }
  for (const word of text.toLowerCase().match(/\w+/g) ?? []) count(`word ${word}`)
  for (let at = 0; at + GRAM <= text.length; at++) count(`gram ${text.slice(at, at + GRAM)}`)
  const weighted = [...counts].map(([index, n]): [number, number] => [index, Math.log1p(n)])
  const norm = Math.hypot(...weighted.map(([, weight]) => weight))
  return weighted.map(([index, weight]) => [index, (TEXT_LENGTH * weight) / norm])
}
