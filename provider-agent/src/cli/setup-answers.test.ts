import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import type { AgentFile } from '../setup/agent-file.ts'
import type { ProposedPrice } from '../setup/propose-price.ts'
import { Questions, type Answer, type Fault } from '../setup/questions.ts'
import { payoutAnswer, priceAnswer, type Asking } from './setup-answers.ts'

const { signal } = new AbortController()

/** Somebody who chooses by the label's first words, and types these in turn; undefined takes what is there. */
class Owner extends Questions {
  readonly shown: string[] = []
  readonly #choice: string
  readonly #typed: (string | undefined)[]

  constructor(choice: string, ...typed: (string | undefined)[]) {
    super({ input: new PassThrough(), output: new PassThrough(), signal })
    this.#choice = choice
    this.#typed = typed
  }

  override async choose<T>(_message: string, answers: readonly Answer<T>[]): Promise<T> {
    return answers.find(({ label }) => label.startsWith(this.#choice))!.value
  }

  override async text(_message: string, initial: string, fault: Fault): Promise<string> {
    this.shown.push(initial)
    const text = this.#typed.shift() ?? initial
    const said = fault(text)
    if (said !== undefined) throw new Error(said)
    return text
  }
}

function asking(start: AgentFile, said: readonly string[], questions?: Questions) {
  const lines: string[] = []
  const to = { line: (text: string) => void lines.push(text), spin: () => {} }
  const all: Asking = { start, said: new Set(said), questions, to, signal }
  return { all, lines }
}

describe('where the earnings go', () => {
  const NODE = `02${'ab'.repeat(32)}`

  it('keeps what was said beside what is chosen, and nothing of the last setup', async () => {
    const start = { 'payout-when': 'threshold', 'payout-threshold-sat': 5, payout: 'me@w.example' }
    const said = ['payout-when', 'payout-threshold-sat']
    const { all } = asking(start, said, new Owner('to a node', NODE))
    expect(await payoutAnswer(all)).toEqual({ ...start, payout: `keysend:${NODE}` })
    const again = asking(start, [], new Owner('to a node', NODE))
    expect(await payoutAnswer(again.all)).toEqual({ payout: `keysend:${NODE}` })
  })

  it('asks for a node once more where any of the three is wrong, with what was typed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'infernet-'))
    const [certificate, macaroon] = [join(folder, 'tls.cert'), join(folder, 'm')]
    writeFileSync(certificate, '-----BEGIN CERTIFICATE-----')
    writeFileSync(macaroon, 'm')
    const owner = new Owner('to my own LND', 'no port', certificate, macaroon, 'lnd:10009')
    const { all, lines } = asking({}, [], owner)
    expect(await payoutAnswer(all)).toEqual({
      payout: 'lnd',
      lnd: 'lnd:10009',
      'lnd-cert': certificate,
      'lnd-macaroon': macaroon,
    })
    expect(lines).toEqual(['! --lnd takes HOST:PORT of LND’s gRPC'])
    expect(owner.shown.slice(3)).toEqual(['no port', certificate, macaroon])
  })
})

describe('the price', () => {
  const proposed: ProposedPrice = { price: { prompt: 1, completion: 2 }, from: 'size' }
  const start = { price: 'prompt=7,completion=9' }

  it.each([
    ['is what was said', ['price'], false, { price: start.price, from: 'said' }, 0],
    ['stays with the engine', [], true, { price: start.price, from: 'before' }, 0],
    ['is new for another engine', [], false, { price: 'prompt=1,completion=2', from: 'size' }, 1],
  ] as const)('%s, and others are asked only for that', async (_what, said, isSame, is, asked) => {
    let times = 0
    const propose = async (): Promise<ProposedPrice> => (times++, proposed)
    expect(await priceAnswer(asking(start, said).all, propose, isSame)).toEqual(is)
    expect(times).toBe(asked)
  })
})
