import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { RecordingSink } from '../engine-conformance.ts'
import type { EngineRequest, EngineSink } from '../engine.ts'
import { SilentCalls } from './silent-calls.ts'
import { STUCK_BOUNDS } from './stuck-rule.ts'

/** What happens while a question is out; true if it is answered. */
type Question = (made: Made) => boolean
type Made = ReturnType<typeof make>

/** Each question takes its whole patience, and each pause its time. */
function make(questions: readonly Question[] = [], { onPause = () => {} } = {}) {
  const stuck: string[] = []
  const left = [...questions]
  let now = 1_000
  let asked = 0
  const closing = new AbortController()
  const calls = new SilentCalls({
    bounds: STUCK_BOUNDS,
    now: () => now,
    signal: closing.signal,
    sleep: async (ms) => {
      now += ms
      onPause()
    },
    stillAnswers: async (_, ms) => {
      asked++
      now += ms
      return left.shift()?.(made) ?? false
    },
    onStuck: (id) => void stuck.push(id),
  })
  const begin = (request: Partial<EngineRequest> = {}) => {
    let inner: EngineSink | undefined
    const order = { stream: true, model: 'm', ...request }
    const run = calls.watch(order, new RecordingSink(), (sink) => {
      inner = sink
      return { pause() {}, resume() {}, abort() {}, usage: () => ({}) as never }
    })
    return { run, sink: inner as EngineSink }
  }
  const made = {
    begin,
    /** A stream that its edge gives up on after a minute of silence. */
    giveUp: (request: Partial<EngineRequest> = {}) => {
      const { run } = begin(request)
      now += 60_000
      run.abort()
    },
    /** Those that do not answer any more, and how many were asked. */
    found: async () => {
      await turn()
      return { stuck, asked }
    },
    pass: (ms: number) => (now += ms),
    now: () => now,
    close: () => closing.abort(),
  }
  return made
}

const says = Buffer.from('x')

describe('calls that an engine leaves unanswered', () => {
  it('are noticed when a stream is given up on', async () => {
    const { begin, found, pass } = make()
    const [one, other] = [begin(), begin()]
    pass(45_000)
    for (const { run } of [one, one, other]) run.abort()
    expect(await found()).toEqual({ stuck: ['m'], asked: 2 })
  })

  it('within four minutes', async () => {
    const { giveUp, found, now } = make()
    const began = now()
    giveUp()
    expect(await found()).toEqual({ stuck: ['m'], asked: 2 })
    expect(now() - began).toBeLessThanOrEqual(240_000)
  })

  it.each<[string, number, Question[]]>([
    ['a question', 1, [() => true]],
    ['the second question', 2, [() => false, () => true]],
  ])('and forgiven where it answers %s', async (_, asked, questions) => {
    const { giveUp, found } = make(questions)
    giveUp()
    expect(await found()).toEqual({ stuck: [], asked })
  })

  it('also when it stops in the middle', async () => {
    const { begin, found, pass } = make()
    const { run, sink } = begin()
    pass(40_000)
    sink.data(says)
    pass(60_000)
    run.abort()
    expect(await found()).toEqual({ stuck: ['m'], asked: 2 })
  })

  it.each<[string, (sink: EngineSink) => void]>([
    ['goes on', (sink) => sink.data(says)],
    ['ends', (sink) => sink.finish('stop')],
  ])('not where the question waits behind a stream that %s', async (_, go) => {
    const made = make([
      () => {
        go(behind.sink)
        return false
      },
    ])
    const slow = made.begin()
    made.pass(10_000)
    const behind = made.begin()
    made.pass(50_000)
    slow.run.abort()
    expect(await made.found()).toEqual({ stuck: [], asked: 1 })
  })

  it('not while a whole answer is computed, which comes after more than two questions', async () => {
    const made = make([
      () => false,
      () => false,
      () => {
        whole.sink.data(says, true)
        whole.sink.finish('stop')
        return false
      },
    ])
    const whole = made.begin({ stream: false })
    made.giveUp()
    expect(await made.found()).toEqual({ stuck: [], asked: 3 })
  })

  it('not while nobody reads a stream that the question may wait behind', async () => {
    const made = make([
      () => false,
      () => false,
      () => {
        unread.run.resume()
        unread.sink.data(says)
        return false
      },
    ])
    const unread = made.begin()
    unread.run.pause()
    made.giveUp()
    expect(await made.found()).toEqual({ stuck: [], asked: 3 })
  })

  it.each<[string, (job: ReturnType<Made['begin']>) => void]>([
    ['failed', ({ sink }) => sink.fail({ fault: 'provider', code: 'x', message: '' })],
    ['was given up on', ({ run }) => run.abort()],
  ])('also where a whole answer %s', async (_, end) => {
    const made = make()
    const whole = made.begin({ stream: false })
    end(whole)
    made.giveUp()
    expect(await made.found()).toEqual({ stuck: ['m'], asked: 2 })
  })

  it('also where whole answers are asked for again and again', async () => {
    const { begin, giveUp, found, now } = make()
    const began = now()
    begin({ stream: false })
    giveUp()
    expect(await found()).toEqual({ stuck: ['m'], asked: 3 })
    expect(now() - began).toBeLessThanOrEqual(330_000)
  })

  it('not where it goes on between two questions', async () => {
    const made = make([() => false], { onPause: () => made.begin().sink.data(says) })
    made.giveUp()
    expect(await made.found()).toEqual({ stuck: [], asked: 2 })
  })

  it('asks again while the server answers for another model', async () => {
    const other: Question = ({ begin }) => {
      begin({ model: 'other' }).sink.data(says)
      return false
    }
    const { giveUp, found } = make([other, other, other, () => false])
    giveUp()
    expect(await found()).toEqual({ stuck: ['m'], asked: 4 })
  })

  it('asks nothing more when the agent ends', async () => {
    const { giveUp, found } = make([
      ({ close }) => {
        close()
        return false
      },
    ])
    giveUp()
    expect(await found()).toEqual({ stuck: [], asked: 1 })
  })

  it.each<[string, (made: Made) => void]>([
    [
      'the client leaves early',
      ({ begin, pass }) => {
        const { run } = begin()
        pass(44_999)
        run.abort()
      },
    ],
    [
      'others are answered meanwhile',
      ({ begin, pass }) => {
        const [one, other] = [begin(), begin()]
        pass(40_000)
        other.sink.data(says)
        pass(20_000)
        one.run.abort()
      },
    ],
    [
      'nobody reads',
      ({ begin, pass }) => {
        const { run } = begin()
        run.pause()
        pass(200_000)
        run.abort()
      },
    ],
    [
      'it comes at its end',
      ({ begin, pass }) => {
        const { run } = begin({ stream: false })
        pass(200_000)
        run.abort()
      },
    ],
    [
      'it was over, and another waits',
      ({ begin, pass }) => {
        begin()
        const { run, sink } = begin()
        sink.fail({ fault: 'provider', code: 'x', message: '' })
        pass(200_000)
        run.abort()
      },
    ],
  ])('not where %s', async (_, play) => {
    const made = make()
    play(made)
    expect(await made.found()).toEqual({ stuck: [], asked: 0 })
  })
})
