import { encodeControl, WireError } from '@infernet/schemas/wire'
import { FRAME, type Frame, type FrameType } from '@infernet/schemas/frame'
import { describe, expect, it } from 'vitest'
import type { Attempt } from './attempt.ts'
import { LeaseChannels } from './lease-channels.ts'

/** Channels of one connection, and what their leases' jobs were told, in order. */
function channels({ takesData = true } = {}) {
  const leases = new LeaseChannels()
  const told: string[] = []
  const jobOf = (name: string) => ({
    onAccept: () => told.push(`${name} accept`),
    onData: (_attempt: Attempt, { length }: Uint8Array) => {
      told.push(`${name} data ${length}`)
      return takesData
    },
    onEnd: () => told.push(`${name} end`),
    onLost: (_attempt: Attempt, mayReturn: boolean) => told.push(`${name} lost ${mayReturn}`),
    flush: () => told.push(`${name} flush`),
  })
  const open = (job: ReturnType<typeof jobOf>): Attempt => {
    const attempt = { channel: leases.next(), run: job } as unknown as Attempt
    leases.add(attempt)
    return attempt
  }
  const receive = (channel: number, type: FrameType, payload = new Uint8Array()): boolean => {
    const frame: Frame = { type, channel, payload }
    return leases.receive(frame)
  }
  return { leases, told, jobOf, open, receive }
}

describe('the channels of a connection', () => {
  it('have one lease each', () => {
    const { leases, told, jobOf, open, receive } = channels()
    const [a, b] = [open(jobOf('a')), open(jobOf('b'))]
    expect([a.channel, b.channel, leases.size]).toEqual([1, 2, 2])
    expect(receive(2, FRAME.accept)).toBe(true)
    expect(receive(1, FRAME.accept)).toBe(true)
    expect(told).toEqual(['b accept', 'a accept'])
  })

  it('hand over what a message brought when all of it is read, once for each job', () => {
    const { leases, told, jobOf, open, receive } = channels()
    const usage = { prompt_tokens: 1, completion_tokens: 2 }
    const job = jobOf('a')
    open(job)
    open(jobOf('b'))
    open(job)
    receive(1, FRAME.data, new Uint8Array(3))
    receive(2, FRAME.data, new Uint8Array(4))
    receive(3, FRAME.data, new Uint8Array(5))
    receive(
      2,
      FRAME.end,
      encodeControl({ usage, finish_reason: 'stop', output_sha256: 'ab'.repeat(32) }),
    )
    leases.flush()
    leases.flush()
    expect(told).toEqual(['a data 3', 'b data 4', 'a data 5', 'b end', 'a flush', 'b flush'])
  })

  it('ignore what is late, and know what was never given', () => {
    const { leases, told, jobOf, open, receive } = channels()
    leases.release(open(jobOf('a')))
    expect(receive(1, FRAME.data)).toBe(true)
    expect(receive(2, FRAME.data)).toBe(false)
    expect(told).toEqual([])
    expect(open(jobOf('b')).channel).toBe(2)
  })

  it('take nothing that has no place on them, nor data beyond the window', () => {
    const { jobOf, open, receive } = channels({ takesData: false })
    open(jobOf('a'))
    expect(() => receive(1, FRAME.capability)).toThrow(WireError)
    expect(() => receive(1, FRAME.data)).toThrow('beyond the credit window')
    expect(() => receive(1, FRAME.end)).toThrow(WireError)
  })

  it('are lost together', () => {
    const { leases, told, jobOf, open } = channels()
    open(jobOf('a'))
    open(jobOf('b'))
    leases.lost(true)
    expect(told).toEqual(['a lost true', 'b lost true'])
  })
})
