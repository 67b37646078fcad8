import { expect, it } from 'vitest'
import { OutputTail } from './output-tail.ts'

it('keeps the last lines, without secrets and control characters, however much comes', () => {
  const tail = new OutputTail(['k3y'])
  tail.push('\u001B[31mred\u001B[0m\nkey is k')
  tail.push('3y\r\n\n  unfinished')
  expect(tail.lines).toEqual(['red', 'key is …', '  unfinished'])
  for (let i = 0; i < 1_000; i++) tail.push(`${i} ${'x'.repeat(9_000)}\n`)
  expect(tail.lines).toHaveLength(40)
  expect(tail.lines.at(-1)).toMatch(/^999 x{396}$/)
  tail.push('y'.repeat(1e6))
  expect(tail.lines.at(-1)).toHaveLength(400)
})
