import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EventData } from './event-data.ts'

const TEXT =
  ': waiting\n\ndata: {"a":1}\n\nevent: x\nid: 7\ndata: {"b":\ndata: 2}\r\n\r\n: waiting\n\n'

describe('EventData', () => {
  it('finds the data between comments and fields, wherever the text is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(TEXT.length)), (cuts) => {
        const at = [0, ...cuts.sort((one, other) => one - other), TEXT.length]
        const events = new EventData()
        const found = at.slice(1).flatMap((end, index) => events.take(TEXT.slice(at[index], end)))
        expect(found).toEqual(['{"a":1}', '{"b":\n2}'])
      }),
    )
  })

  it('gives nothing of an event that was cut off', () => {
    expect(new EventData().take('data: {"a":1}\n')).toEqual([])
  })
})
