import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { getLlama, type Llama, type LlamaModel, type Token } from 'node-llama-cpp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nextConversation } from './corpus/generator.ts'
import { readGgufHeader } from './gguf-reader.ts'
import { llamaTensorShapes } from './llama-config.ts'
import { mulberry32 } from './prng.ts'
import { argmax, logprobOf } from './sampler.ts'
import { decodeTensor, type TensorType } from './tensor-codec.ts'
import { loadTinyModel, type TinyModel } from './tiny-model.ts'
import { modelFile } from './trainer/model-file.ts'

const PATH = fileURLToPath(new URL('../weights/infernet-demo.gguf', import.meta.url))
const SHIPPED = readFileSync(PATH)
const LONGEST_ANSWER = 40
const CONTEXT = 256

const QUESTIONS = [
  'What is Infernet?',
  'How do providers earn?',
  'Count from 7 to 13',
  'Repeat: purple monkeys dance 77',
  'Reply with JSON: name Ada, age 36',
  'why is the sky blue',
]
/** No model would say this, so that small probabilities are compared as well. */
const NONSENSE = 'The canary pays 7 purple bridges in msat, then a lease sings {"no": 42}.'

/**
 * Tolerances in nats; measured on x64: 0.031 over 368 tokens, nonsense included, with the likeliest
 * token the same at every one, and 0.007 over 158 tokens of the shipped file. llama.cpp keeps its cache in half precision; for Q8_0 weights it also rounds
 * activations to 8 bits, which shows most where the model is unsure. We compute in 32 bits
 * throughout. The likeliest token may differ only where two are closer than the tolerance.
 */
const F32_TOLERANCE = 0.06
const Q8_TOLERANCE = 0.05
const LOW_BITS_TOLERANCE = 0.1

let llama: Llama
let folder: string
beforeAll(async () => {
  llama = await startLlama()
  folder = await mkdtemp(join(tmpdir(), 'infernet-parity-'))
}, 30_000)
afterAll(async () => {
  await llama?.dispose()
  if (folder) await rm(folder, { recursive: true })
})

describe('the shipped model in llama.cpp and in plain TypeScript', () => {
  const tiny = loadTinyModel(SHIPPED)
  let model: LlamaModel
  beforeAll(async () => {
    model = await llama.loadModel({ modelPath: PATH })
  })

  it('has the same tokens for the same text', () => {
    const random = mulberry32(11)
    const chats = Array.from({ length: 40 }, () => tiny.renderChat(nextConversation(random)))
    const odd = [
      '',
      ' ',
      'a  b\n\n c\t',
      "don't we'll I'M",
      'Zürich 東京 🦊👩‍🚀',
      '1234567 3.14',
      '¡¿…',
    ]
    for (const text of [...chats, ...odd]) {
      expect(tiny.tokenizer.encode(text)).toEqual(model.tokenize(text, true))
    }
  })

  it.each(QUESTIONS)('gives the same probabilities in its answer to "%s"', async (question) => {
    const prompt = promptOf(tiny, question)
    await expectParity(tiny, model, prompt, greedyAnswer(tiny, prompt), Q8_TOLERANCE)
  })
})

describe('the same weights in full precision', () => {
  const file = inType(SHIPPED, 'F32')
  const tiny = loadTinyModel(file)
  let model: LlamaModel
  beforeAll(async () => {
    const path = join(folder, 'f32.gguf')
    await writeFile(path, file)
    model = await llama.loadModel({ modelPath: path })
  })

  it.each(QUESTIONS)('have the same probabilities in the answer to "%s"', async (question) => {
    const prompt = promptOf(tiny, question)
    await expectParity(tiny, model, prompt, greedyAnswer(tiny, prompt), F32_TOLERANCE)
  })

  it.each(QUESTIONS)('have the same probabilities for nonsense after "%s"', async (question) => {
    const nonsense = tiny.tokenizer.encode(NONSENSE)
    await expectParity(tiny, model, promptOf(tiny, question), nonsense, F32_TOLERANCE)
  })
})

describe.each(['Q5_0', 'Q4_0'] as const)('the same weights in %s', (type) => {
  const file = inType(SHIPPED, type)
  const tiny = loadTinyModel(file)
  let model: LlamaModel
  beforeAll(async () => {
    const path = join(folder, `${type}.gguf`)
    await writeFile(path, file)
    model = await llama.loadModel({ modelPath: path })
  })

  it.each(QUESTIONS)('have the same probabilities in the answer to "%s"', async (question) => {
    const prompt = promptOf(tiny, question)
    await expectParity(tiny, model, prompt, greedyAnswer(tiny, prompt), LOW_BITS_TOLERANCE)
  })
})

async function startLlama(): Promise<Llama> {
  try {
    return await getLlama({ gpu: false, build: 'never' })
  } catch (error) {
    const platform = `${process.platform}-${process.arch}`
    throw new Error(`llama.cpp has no native package installed for ${platform}`, { cause: error })
  }
}

function inType(file: Uint8Array, type: TensorType): Uint8Array {
  const { config, tokenizer, summary } = loadTinyModel(file)
  const header = readGgufHeader(file)
  const weights = llamaTensorShapes(config).map(({ name, dimensions }) => ({
    name,
    dimensions,
    values: decodeTensor(file, header, name),
  }))
  const identity = {
    name: summary.name,
    description: '',
    vocabulary: tokenizer.vocabulary,
    chatTemplate: summary.chatTemplate ?? '',
  }
  return modelFile(config, weights, identity, type)
}

function promptOf(tiny: TinyModel, question: string): number[] {
  const messages = [{ role: 'user', content: question }]
  return tiny.tokenizer.encode(tiny.renderChat({ messages }))
}

function greedyAnswer(tiny: TinyModel, prompt: readonly number[]): number[] {
  const sequence = tiny.newSequence(CONTEXT)
  const answer = [argmax(sequence.prefill(prompt))]
  while (answer.length < LONGEST_ANSWER && !tiny.endTokens.has(answer.at(-1)!)) {
    answer.push(argmax(sequence.step(answer.at(-1)!)))
  }
  return answer
}

/** Scores `answer` token by token in both engines and holds the two to `tolerance`. */
async function expectParity(
  tiny: TinyModel,
  model: LlamaModel,
  prompt: readonly number[],
  answer: readonly number[],
  tolerance: number,
): Promise<void> {
  const theirs = await score(model, prompt, answer)
  const sequence = tiny.newSequence(CONTEXT)
  let logits = sequence.prefill(prompt)
  for (const [i, token] of answer.entries()) {
    const { logprob, likeliest } = theirs[i]!
    expect(Math.abs(logprob - logprobOf(logits, token))).toBeLessThan(tolerance)
    if (marginOf(logits) > tolerance) expect(likeliest).toBe(argmax(logits))
    logits = sequence.step(token)
  }
}

/** llama.cpp's logprob of every answer token, and the token it finds likeliest there. */
async function score(model: LlamaModel, prompt: readonly number[], answer: readonly number[]) {
  const context = await model.createContext({ contextSize: CONTEXT, threads: 1 })
  const all = [...prompt, ...answer] as Token[]
  const first = prompt.length - 1
  const output = await context.getSequence().controlledEvaluate(
    all.map((token, i) => {
      const successor = all[i + 1]
      if (i < first || successor === undefined) return token
      const filter = { tokens: [successor], includeSelected: true }
      const options = { temperature: 0 }
      return [token, { generateNext: { totalLogitWeight: true, logits: { filter }, options } }]
    }),
  )
  await context.dispose()
  return answer.map((token, i) => {
    const { logits, totalLogitWeight } = output[first + i]!.next
    // At temperature 0 the selected token, which the filter includes, is the likeliest.
    const [[likeliest, max]] = [...logits!].sort((a, b) => b[1] - a[1]) as [[Token, number]]
    const logprob = logits!.get(token as Token)! - max - Math.log(totalLogitWeight!)
    return { logprob, likeliest }
  })
}

/** By how much the likeliest token leads the second, in nats. */
function marginOf(logits: Float32Array): number {
  const best = argmax(logits)
  const rest = logits.slice()
  rest[best] = Number.NEGATIVE_INFINITY
  return logits[best]! - rest[argmax(rest)]!
}
