import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { getLlama, type Llama, type LlamaModel, type Token } from 'node-llama-cpp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nextConversation } from './corpus/generator.ts'
import { mulberry32 } from './prng.ts'
import { argmax, logprobOf } from './sampler.ts'
import { loadTinyModel } from './tiny-model.ts'

/**
 * llama.cpp rounds activations to 8 bits for Q8_0 weights and keeps its cache in F16; we compute in
 * 32 bits throughout. So logprobs differ, by less than this many nats for tokens likely enough to
 * be sampled, and the likeliest token may differ only where two are closer than this.
 */
const TOLERANCE = 0.1
const PATH = fileURLToPath(new URL('../weights/infernet-demo.gguf', import.meta.url))
const LONGEST_ANSWER = 40

const QUESTIONS = [
  'What is Infernet?',
  'How do providers earn?',
  'Count from 7 to 13',
  'Repeat: purple monkeys dance 77',
  'Reply with JSON: name Ada, age 36',
  'why is the sky blue',
]

async function startLlama(): Promise<Llama> {
  try {
    return await getLlama({ gpu: false, build: 'never' })
  } catch (error) {
    const platform = `${process.platform}-${process.arch}`
    throw new Error(`llama.cpp has no native package installed for ${platform}`, { cause: error })
  }
}

describe('the shipped model in llama.cpp and in plain TypeScript', () => {
  const tiny = loadTinyModel(readFileSync(PATH))
  let llama: Llama
  let model: LlamaModel

  beforeAll(async () => {
    llama = await startLlama()
    model = await llama.loadModel({ modelPath: PATH })
  }, 30_000)
  afterAll(() => llama?.dispose())

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

  it.each(QUESTIONS)('gives the same probabilities after "%s"', async (question) => {
    const prompt = tiny.tokenizer.encode(
      tiny.renderChat({ messages: [{ role: 'user', content: question }] }),
    )
    const { tokens, logits } = greedyAnswer(prompt)
    const theirs = await score(prompt, tokens)
    for (const [i, { logprob, likeliest }] of theirs.entries()) {
      const token = tokens[i]!
      expect(Math.abs(logprob - logprobOf(logits[i]!, token))).toBeLessThan(TOLERANCE)
      if (marginOf(logits[i]!) > TOLERANCE) expect(likeliest).toBe(token)
    }
  })

  /** Our greedy answer with the logits each token was chosen from. */
  function greedyAnswer(prompt: readonly number[]) {
    const sequence = tiny.newSequence(256)
    const tokens: number[] = []
    const logits: Float32Array[] = []
    let next = sequence.prefill(prompt)
    while (tokens.length < LONGEST_ANSWER) {
      const token = argmax(next)
      tokens.push(token)
      logits.push(next.slice())
      if (tiny.endTokens.has(token)) break
      next = sequence.step(token)
    }
    return { tokens, logits }
  }

  /** llama.cpp's logprob of every answer token, and the token it finds likeliest there. */
  async function score(prompt: readonly number[], answer: readonly number[]) {
    const context = await model.createContext({ contextSize: 256, threads: 1 })
    const all = [...prompt, ...answer] as Token[]
    const first = prompt.length - 1
    const output = await context.getSequence().controlledEvaluate(
      all.map((token, i) => {
        const successor = all[i + 1]
        if (i < first || successor === undefined) return token
        const filter = { tokens: [successor], includeSelected: true }
        return [
          token,
          {
            generateNext: {
              totalLogitWeight: true,
              logits: { filter },
              options: { temperature: 0 },
            },
          },
        ]
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
})

/** By how much the likeliest token leads the second, in nats. */
function marginOf(logits: Float32Array): number {
  const best = argmax(logits)
  const rest = logits.slice()
  rest[best] = Number.NEGATIVE_INFINITY
  return logits[best]! - rest[argmax(rest)]!
}
