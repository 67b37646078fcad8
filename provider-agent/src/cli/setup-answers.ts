import { parsePrice } from '@infernet/settlement/price-text'
import type { CheckResult } from '../doctor/check.ts'
import { edgeChecks } from '../doctor/edge-checks.ts'
import { runChecks } from '../doctor/run-checks.ts'
import { errorMessage } from '../error-message.ts'
import { EXIT, OwnerError } from '../exit-codes.ts'
import { edgeAddress } from '../link/edge-address.ts'
import { addressFault } from '../payout/look-up-address.ts'
import { readPayoutFlags } from '../payout/payout-plan.ts'
import { DEFAULT_PRICE } from '../price.ts'
import type { AgentFile } from '../setup/agent-file.ts'
import type { ProposedPrice } from '../setup/propose-price.ts'
import type { Questions } from '../setup/questions.ts'
import { groupOf } from './agent-file-options.ts'
import { doctorText } from './doctor-text.ts'
import { priceText, PRICE_FROM, priceWords } from './setup-text.ts'
import type { Terminal } from './terminal.ts'

/** What is said already, and who can be asked for the rest. */
export interface Asking {
  /** Flags and environment, and beneath them the file of the last setup. */
  readonly start: AgentFile
  /** Options that flags or environment have said: nobody is asked about them. */
  readonly said: ReadonlySet<string>
  /** Absent: the proposal is taken. */
  readonly questions: Questions | undefined
  readonly to: Terminal
  readonly signal: AbortSignal
}

/** An edge that was found to be one, by the doctor's checks. */
export interface CheckedEdge {
  readonly edge: string
  readonly checks: readonly CheckResult[]
}

/** Asks for the edge until it is one. Throws OwnerError where nobody can be asked. */
export async function edgeAnswer(asking: Asking): Promise<CheckedEdge> {
  const { questions, said, start } = asking
  let edge = start['edge'] === undefined ? undefined : String(start['edge'])
  for (let again = false; ; again = true) {
    if (questions !== undefined && (again || !said.has('edge'))) {
      edge = await questions.text(
        'Which edge? Its operator tells you the URL',
        edge ?? '',
        edgeFault,
      )
    }
    if (edge === undefined) {
      throw new OwnerError(EXIT.usage, 'say which edge: its operator tells you the URL', {
        next: 'infernet-agent setup --yes --edge https://edge.example.org',
      })
    }
    const checks = await checked(edge, asking)
    const failures = checks.filter(({ outcome }) => outcome === 'failed')
    if (failures.length === 0) return { edge, checks }
    if (questions === undefined) {
      throw new OwnerError(EXIT.edge, `this edge cannot be used:\n${doctorText(failures)}`)
    }
    asking.to.line(doctorText(failures))
  }
}

async function checked(edge: string, { signal, to }: Asking): Promise<CheckResult[]> {
  to.spin(`looking at ${edge}`)
  try {
    const options = { signal, now: () => performance.now() }
    return await runChecks(edgeChecks({ edge, now: Date.now }), options)
  } finally {
    to.spin(undefined)
  }
}

/** A price in the words of `--price`, and where it comes from. */
export interface AnsweredPrice {
  readonly price: string
  readonly from: keyof typeof PRICE_FROM
}

/**
 * The price of the last setup counts while the engine is that of then: `isSame`. `propose` is asked only where what
 * it says counts or is shown.
 */
export async function priceAnswer(
  { questions, said, start }: Asking,
  propose: () => Promise<ProposedPrice>,
  isSame: boolean,
): Promise<AnsweredPrice> {
  const before = start['price'] === undefined ? undefined : String(start['price'])
  if (before !== undefined && said.has('price')) return { price: before, from: 'said' }
  const now = isSame ? before : undefined
  if (now !== undefined && questions === undefined) return { price: now, from: 'before' }
  const proposed = await propose()
  const offered: AnsweredPrice =
    now === undefined
      ? { price: priceText(proposed.price), from: proposed.from }
      : { price: now, from: 'before' }
  if (questions === undefined) return offered
  const why = `${PRICE_FROM[proposed.from]}: ${priceWords(proposed.price)}`
  const message = `Which price, in msat per million tokens? (${why})`
  const isPrice = faultOf((text: string) => parsePrice(text, DEFAULT_PRICE))
  const price = await questions.text(message, offered.price, isPrice)
  return price === offered.price ? offered : { price, from: 'said' }
}

/** Where the earnings go, as options; none where they are to wait. */
export async function payoutAnswer(asking: Asking): Promise<AgentFile> {
  const { questions, said, start } = asking
  const current = groupOf(start, 'payout')
  if (questions === undefined || said.has('payout')) return current
  const place = start['payout']
  const kept = place === undefined ? [] : [{ value: 'keep', label: `as now: ${String(place)}` }]
  const how = await questions.choose('Where do your earnings go?', [
    ...kept,
    { value: 'address', label: 'to a Lightning address, such as me@wallet.example' },
    { value: 'lnd', label: 'to my own LND, by invoices' },
    { value: 'keysend', label: 'to a node that takes keysend' },
    { value: 'later', label: 'nowhere yet: they wait at the edge' },
  ])
  if (how === 'later') return {}
  if (how === 'keep') return current
  // Such as --payout-when beside what is chosen.
  const fixed = Object.fromEntries(Object.entries(current).filter(([name]) => said.has(name)))
  if (how === 'lnd') return { ...fixed, ...(await lndAnswer(asking, questions)) }
  if (how === 'address') return { ...fixed, payout: await addressAnswer(asking, questions) }
  const isNode = faultOf((text: string) => readPayoutFlags({ payout: `keysend:${text}` }))
  const node = await questions.text('Its public key (66 hex digits)', '', isNode)
  return { ...fixed, payout: `keysend:${node}` }
}

/** Asks until the address answers, or its owner wants it all the same. */
async function addressAnswer({ signal, to }: Asking, questions: Questions): Promise<string> {
  let address = ''
  for (;;) {
    const isAddress = faultOf((text: string) => {
      if (!text.includes('@')) throw new Error('write it like me@wallet.example')
      readPayoutFlags({ payout: text })
    })
    address = await questions.text('Which Lightning address?', address, isAddress)
    to.spin(`asking ${address}`)
    const fault = await addressFault(address, signal)
    to.spin(undefined)
    if (fault === undefined) return address
    to.line(`! ${fault}`)
    if (await questions.isYes('Take it all the same?')) return address
  }
}

/** Asks until the three are good together: any of them may be the wrong one. */
async function lndAnswer({ to }: Asking, questions: Questions): Promise<AgentFile> {
  const ask = (message: string, initial: string): Promise<string> =>
    questions.text(message, initial, () => undefined)
  let [lnd, lndCert, lndMacaroon] = ['127.0.0.1:10009', '', '']
  for (;;) {
    lnd = await ask('Where is its gRPC? HOST:PORT', lnd)
    lndCert = await ask('Its tls.cert: which file?', lndCert)
    lndMacaroon = await ask('A macaroon that allows invoices only: which file?', lndMacaroon)
    const fault = faultOf(readPayoutFlags)({ payout: 'lnd', lnd, lndCert, lndMacaroon })
    if (fault === undefined)
      return { payout: 'lnd', lnd, 'lnd-cert': lndCert, 'lnd-macaroon': lndMacaroon }
    to.line(`! ${fault}`)
  }
}

const edgeFault = (text: string): string | undefined => faultOf(edgeAddress)(text)

/** The message of what a reader throws. */
function faultOf<T>(read: (given: T) => unknown): (given: T) => string | undefined {
  return (given) => {
    try {
      read(given)
      return undefined
    } catch (error) {
      return errorMessage(error)
    }
  }
}
