import { describe, expect, it } from 'vitest'
import { ByteLevelBpe } from '../byte-level-bpe.ts'
import { compileChatTemplate } from '../chat-template.ts'
import { assistant, exchange, system } from '../corpus/conversation.ts'
import { CHAT_TEMPLATE, CONTROL_TOKENS } from '../corpus/template.ts'
import { fillBatch } from './batch.ts'
import { trainBpe } from './bpe-trainer.ts'
import { toDocument } from './document.ts'

const tokenizer = new ByteLevelBpe(trainBpe([], CONTROL_TOKENS, 260))
const render = compileChatTemplate(CHAT_TEMPLATE)

describe('a training document', () => {
  it('trains what the assistant says, up to and with its end', () => {
    const messages = [
      system('Be brief.'),
      ...exchange('One?', 'Two.'),
      ...exchange('And?', 'Three'),
    ]
    const { tokens, trained } = toDocument({ messages }, render, tokenizer)
    const end = tokenizer.idOf('<|im_end|>')
    expect(tokenizer.decode(tokens.filter((_, i) => trained[i]))).toBe('Two.Three')
    expect(tokens.filter((id, i) => trained[i] && id === end).length).toBe(2)
  })

  it('trains nothing of a conversation without an answer', () => {
    const messages = [system('assistant')]
    expect(toDocument({ messages }, render, tokenizer).trained).not.toContain(true)
    expect(toDocument({ messages: [assistant('x')] }, render, tokenizer).trained).toContain(true)
  })
})

describe('a batch', () => {
  it('holds documents end to end and cuts the last', () => {
    const documents = [
      { tokens: [1, 2, 3], trained: [false, true, true] },
      { tokens: [4, 5, 6], trained: [false, false, true] },
    ]
    const batch = fillBatch(5, () => documents.shift()!)
    expect([...batch.tokens]).toEqual([1, 2, 3, 4, 5])
    expect(batch.segments).toEqual([
      { start: 0, length: 3 },
      { start: 3, length: 2 },
    ])
    expect(batch.rows).toEqual([0, 1, 4])
    expect(batch.targets).toEqual([2, 3, 6])
  })
})
