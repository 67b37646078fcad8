import { describe, expect, it } from 'vitest'
import { isMark } from './server-tokenizer.ts'
import { isInsideParsed, isShownAsIs, isShownWhole } from './shown-text.ts'

type Payload = Readonly<Record<string, unknown>>

const chat = (payload: Payload) => ({ endpoint: 'chat.completions' as const, payload })
const completion = (payload: Payload) => ({ endpoint: 'completions' as const, payload })

describe('an answer by a server', () => {
  it.each<[Payload, boolean]>([
    [{ messages: [], temperature: 1, stop: 'x', logit_bias: {} }, true],
    [{ tools: [], response_format: { type: 'text' }, min_tokens: 5 }, true],
    [{ tools: [{}] }, false],
    [{ functions: [{}] }, false],
    [{ response_format: { type: 'json_object' } }, false],
    [{ chat_template_kwargs: { enable_thinking: false } }, false],
    [{ reasoning_effort: 'low' }, false],
    [{ stop_token_ids: [5] }, false],
    [{ min_tokens: 5, stop: ['x'] }, false],
    [{ echo: true }, false],
    [{ messages: [{ role: 'assistant', content: 'It' }] }, false],
    [{ messages: [{ role: 'assistant', content: 'It' }], continue_final_message: true }, true],
  ])('is its tokens, as far as %j goes: %s', (payload, isWhole) => {
    expect(isShownWhole(chat(payload))).toBe(isWhole)
  })

  it.each<[string, boolean, boolean]>([
    ['plain', true, true],
    [' with a space in front', true, true],
    ['a <b> b </b> [x](y) c<d', true, true],
    ['  with two', false, true],
    [' \nwith a line', false, true],
    ['\nwith a line', false, true],
    ['with an end\n', false, true],
    ['<think>so</think> it is', false, true],
    ['so</think>it is', false, true],
    ['<|channel|>final', false, true],
    ['[TOOL_CALLS]', false, true],
    ['<tool_call>{}', false, true],
    ['<function=f>', false, true],
  ])('that says %j is shown so: in a chat %s, else %s', (text, inChat, elsewhere) => {
    expect(isShownAsIs(text, chat({}))).toBe(inChat)
    expect(isShownAsIs(text, completion({}))).toBe(elsewhere)
  })

  it.each<[string, string | string[], boolean]>([
    ['oneEND', 'END', true],
    ['oneEND two', ['three', 'END'], true],
    ['one EN', 'END', false],
    ['one E', ['x', 'END'], false],
    ['one', 'END', true],
    ['one', '', true],
  ])('that says %j before %j is shown so: %s', (text, stop, isShown) => {
    expect(isShownAsIs(text, completion({ stop }))).toBe(isShown)
    expect(isShownAsIs(text, chat({ stop }))).toBe(isShown)
  })

  it('is not, where a stop sequence leaves space at its end', () => {
    expect(isShownAsIs('one \nEND', chat({ stop: 'END' }))).toBe(false)
  })

  it('is not, where the prompt has begun a thought', () => {
    expect(isInsideParsed('<|im_start|>assistant\n<think>\n')).toBe(true)
    expect(isInsideParsed('<|im_start|>assistant\n')).toBe(false)
  })

  it.each([
    '<|im_end|>',
    '</s>',
    '▁<think>',
    '<｜end▁of▁sentence｜>',
    '[INST]',
    '[/INST]',
    '<eos>',
  ])('has a mark in it: %s', (word) => {
    expect(isMark(word)).toBe(true)
  })

  it.each(['Ġthe', '<', '<0x0A>', '</', '[x', '[0]', '> <', 'a<b>', '', '[]'])(
    'has none in it: %j',
    (word) => {
      expect(isMark(word)).toBe(false)
    },
  )
})
