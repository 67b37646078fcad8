import { writeGguf, type WritableTensor } from '@infernet/models/gguf-writer'
import { describe, expect, it } from 'vitest'
import { tokenBytesIn } from './gguf-front.ts'

async function* pieces(bytes: Uint8Array, each: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += each) yield Buffer.from(bytes.subarray(at, at + each))
}

const tensor = (name: string, rows: number): WritableTensor => {
  const values = new Float32Array(32 * rows)
  return { name, dimensions: [32, rows], type: 'F32', values }
}
const FILE = writeGguf(
  [
    { key: 'general.architecture', type: 'string', value: 'llama' },
    { key: 'llama.block_count', type: 'u32', value: 1 },
  ],
  [tensor('token_embd.weight', 5), tensor('output.weight', 5), tensor('blk.0.attn_q.weight', 2)],
)

describe('the front of a model’s file', () => {
  it('says what each token reads', async () => {
    for (const each of [7, 1_000_000])
      expect(await tokenBytesIn(pieces(FILE, each))).toBe(4 * 32 * (5 + 2))
  })

  it('says nothing of other files', async () => {
    const others = [new Uint8Array(), Buffer.from('gguf'), FILE.subarray(0, 40), writeGguf([], [])]
    for (const bytes of others) expect(await tokenBytesIn(pieces(bytes, 16))).toBeUndefined()
  })
})
