import { setImmediate as turn } from 'node:timers/promises'
import { FRAME, readFrames } from '@infernet/schemas/frame'
import { FrameMux } from '@infernet/schemas/frame-mux'
import { describe, expect, it } from 'vitest'
import { flushSchedule } from './flush-schedule.ts'

describe('a flush schedule', () => {
  it('lets what comes first go at once, and what follows in its millisecond together', async () => {
    const messages: number[][] = []
    let now = 0
    const mux = new FrameMux(
      (message) => {
        const channels: number[] = []
        readFrames(message, ({ channel }) => channels.push(channel))
        messages.push(channels)
      },
      flushSchedule(() => now),
    )
    const write = (channel: number): void => mux.write(FRAME.data, channel, Buffer.of(1))
    for (; now < 2; now++) {
      messages.splice(0)
      mux.writeLazily(FRAME.accept, 9, new Uint8Array(), 60_000)
      expect(messages).toEqual([])
      write(1)
      expect(messages).toEqual([[9, 1]])
      for (const channel of [2, 3]) {
        write(channel)
        await Promise.resolve()
      }
      expect(messages).toHaveLength(1)
      await turn()
      expect(messages).toEqual([
        [9, 1],
        [2, 3],
      ])
    }
  })
})
