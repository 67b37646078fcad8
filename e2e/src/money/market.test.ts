import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { demoModel } from '@infernet/provider-agent/engines/model-file'
import type { SlashFacts } from '@infernet/schemas/slash-facts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { layerOf } from '../cheats/layer.ts'
import type { Service } from '../processes.ts'
import { bearer, Stack, until, type Client } from '../stack.ts'
import {
  isEarned,
  isStanding,
  readBooks,
  sumOf,
  type Leg,
  type MarketBooks,
} from './market-books.ts'
import { calibrate, MarketPlayers, VERIFIER, type Player } from './market-players.ts'
import { marketRequest } from './market-traffic.ts'
import { reconcile, startSettler } from './settler-process.ts'
import { simulatedLightning, type TestLightning } from './test-lightning.ts'

const CLI = fileURLToPath(new URL('../../../provider-agent/src/cli/main.ts', import.meta.url))
const PORT = 18_690
const HONEST = ['honest-1', 'honest-2', 'honest-3']
const HOUR_MS = 3_600_000
/** Who is suspected comes back at once, and there is time to be refused before a slash is final. */
const SETTINGS = {
  INFERNET_SUSPENSION_HOURS: String(1_000 / HOUR_MS),
  INFERNET_APPEAL_HOURS: String(40_000 / HOUR_MS),
}
/** What is not looked at waits as long; on a busy machine a settler may be silent for a while. */
const TIMES = { holdback: '45s', leaseSeconds: 60 }
const CREDIT_MSAT = 1_000_000_000n
const REQUESTS_AT_ONCE = 4
/** Until a cheat counts as one that is not found. */
const MOST_REQUESTS = 1_200
const MOST_TRIES = 3
const STORY_MS = 240_000

/**
 * Three honest providers and one of each kind of cheat serve the same traffic: each cheat is found, loses what
 * was held back, and is not let in again; its clients get their money back; the honest ones get theirs in full.
 */
describe('a market with cheats, on SIMULATED Lightning', () => {
  let lightning: TestLightning
  let stack: Stack
  let settler: Service
  let clients: readonly Client[]
  let players: MarketPlayers

  beforeAll(async () => {
    lightning = await simulatedLightning()
    stack = await Stack.start('node', PORT, {}, [VERIFIER], SETTINGS)
    settler = await startSettler(stack, lightning, {}, TIMES)
    await reconcile(stack, lightning)
    await calibrate(stack)
    clients = [await stack.createClient(), await stack.createClient()]
    players = await MarketPlayers.start(stack, lightning, HONEST)
  }, STORY_MS)
  afterAll(async () => {
    await settler?.kill()
    await stack?.stop()
    await lightning?.stop()
  })

  const books = () => readBooks(stack.databaseUrl)

  /** Has the nth request answered, whoever does it; tries again as clients do where a provider fails. */
  async function ask(n: number): Promise<void> {
    const { path, body } = marketRequest(n)
    const key = clients[n % clients.length]?.apiKey ?? ''
    for (let tries = 1; ; tries++) {
      const answer = await fetch(`${stack.url}/v1${path}`, {
        method: 'POST',
        headers: { ...bearer(key), 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      const text = await answer.text()
      if (answer.status === 200) return
      if (answer.status < 500 || tries === MOST_TRIES) throw new Error(`request ${n}: ${text}`)
    }
  }

  async function serveUntilCheatsAreGone(): Promise<void> {
    let next = 0
    const worker = async () => {
      while (next < MOST_REQUESTS && !players.areCheatsGone()) await ask(next++)
    }
    await Promise.all(Array.from({ length: REQUESTS_AT_ONCE }, worker))
  }

  it(
    'sends every cheat away and no honest provider, and lets none in again',
    async () => {
      await serveUntilCheatsAreGone()
      process.stdout.write(`${findings(players.all, await books())}\n`)
      const gone = players.all.filter((player) => player.gone.length > 0)
      expect(gone.map(({ name }) => name)).toEqual(players.cheats.map(({ name }) => name))
      const refusals = await players.refusals()
      for (const refusal of refusals) {
        expect(refusal['next_step']).toContain('docs/verification.md')
      }
    },
    STORY_MS,
  )

  const slashesOf = async ({ service }: Player): Promise<readonly SlashFacts[]> => {
    const answer = await fetch(`${stack.url}/v1/slashes?provider=${service.peer}`)
    const text = await answer.text()
    if (!answer.ok) throw new Error(`slashes: ${answer.status} ${text}`)
    return (JSON.parse(text) as { data: SlashFacts[] }).data
  }

  it('slashes what the cheats were not paid yet', async () => {
    for (const player of players.cheats) {
      await until(`${player.name} is slashed`, async () => {
        const slashes = await slashesOf(player)
        return slashes.length > 0 && slashes.every(({ state }) => state === 'final')
      })
    }
    for (const player of players.honest) expect(await slashesOf(player)).toEqual([])
  })

  it('shows evidence from which anybody comes to the same verdict, with one command', async () => {
    const slashes = (await Promise.all(players.cheats.map(slashesOf))).flat()
    const model = demoModel().path
    const convicting = await Promise.all(
      slashes.map(async ({ id }, n) => {
        // With the model it takes nobody's word for its numbers; that takes a while.
        const flags = n === 0 ? ['--model', model] : []
        const url = `${stack.url}/v1/slashes/${id}`
        const command = [CLI, 'slash', 'verify', url, ...flags, '--json']
        const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'] })
        const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
        return { code: await exitOf(child), out, err }
      }),
    )
    expect(slashes.length).toBeGreaterThan(0)
    for (const { code, out, err } of convicting)
      expect({ code, out, err }).toMatchObject({ code: 0 })
  })

  it('gives clients back all that the cheats took for bad answers, and nothing else', async () => {
    for (const { accountId } of clients) {
      await until('what is undone is credited', async () => {
        const { legs } = await books()
        const mine = legs.filter((leg) => leg.accountId === accountId && isStanding(leg))
        const spent = sumOf(mine.map(({ grossMsat }) => grossMsat))
        const { available } = await stack.settledBalance(accountId)
        return BigInt(available) === CREDIT_MSAT - spent
      })
    }
  })

  it('pays every honest provider in full, and no cheat for what was found bad', async () => {
    const isPaid = ({ legs, providers }: MarketBooks, { service: { peer } }: Player): boolean => {
      const { heldMsat = 0n, payableMsat = 0n } = providers.get(peer) ?? {}
      const awaited = legs.filter(({ provider, isAwaited }) => provider === peer && isAwaited)
      return payableMsat === 0n && heldMsat === netOf(awaited)
    }
    await until('the honest are paid for all that was not left open', async () => {
      const now = await books()
      return players.honest.every((player) => isPaid(now, player))
    })
    const { legs, providers } = await books()
    for (const { cheat, name, service } of players.all) {
      const its = legs.filter(({ provider }) => provider === service.peer)
      const { heldMsat, paidMsat, payableMsat } = providers.get(service.peer) ?? NOTHING
      const earned = netOf(its.filter(isEarned))
      expect(paidMsat + payableMsat + heldMsat, name).toBe(earned)
      if (cheat === undefined) expect(earned, name).toBe(netOf(its))
      else expect(earned, name).toBeLessThan(netOf(its))
    }
  })

  it('leaves books that sum to zero and agree with the nodes', async () => {
    const ledger = () => stack.operator('GET', '/operator/ledger')
    const balances = async () => {
      const kinds = (await ledger())['kinds'] as readonly { kind: string; balance_msat: string }[]
      return new Map(kinds.map(({ kind, balance_msat: msat }) => [kind, BigInt(msat)]))
    }
    await until('all payouts have arrived', async () => {
      return ((await balances()).get('payout_inflight') ?? 0n) === 0n
    })
    const { legs } = await books()
    const forfeited = netOf(
      legs.filter(({ slash, verdict }) => slash === 'forfeited' && verdict !== 'fail'),
    )
    const fees = legs.filter(isStanding).map(({ grossMsat, netMsat }) => grossMsat - netMsat)
    expect(await ledger()).toMatchObject({ sound: true, sum_msat: '0', drifted: [] })
    const kinds = await balances()
    expect(kinds.get('revenue:fee')).toBe(sumOf(fees))
    expect(kinds.get('revenue:slash') ?? 0n).toBe(forfeited)
    const { code, output } = await reconcile(stack, lightning)
    expect(output).not.toContain('drift')
    expect(code).toBe(0)
  })
})

const exitOf = async (child: ChildProcess): Promise<number | null> =>
  child.exitCode ?? ((await once(child, 'close')) as [number | null])[0]

const NOTHING = { heldMsat: 0n, payableMsat: 0n, paidMsat: 0n }
const netOf = (legs: readonly Leg[]): bigint => sumOf(legs.map(({ netMsat }) => netMsat))

/** How many answers each gave, how many were looked at and failed, and which layers saw it. */
function findings(players: readonly Player[], { legs, audits }: MarketBooks): string {
  const rows = players.map(({ name, service: { peer } }) => {
    const answers = legs.filter(({ provider }) => provider === peer)
    const judged = audits.filter(({ provider }) => provider === peer)
    const bad = judged.filter(({ verdict }) => verdict === 'fail' || verdict === 'unopened')
    const layers = [...new Set(bad.map(layerOf))].sort().join(' ')
    return [name, answers.length, judged.length, bad.length, layers]
  })
  return [['provider', 'answers', 'audited', 'bad', 'layers'], ...rows]
    .map(([name, ...columns]) => [
      String(name).padEnd(16),
      ...columns.map((column) => String(column).padStart(8)),
    ])
    .map((columns) => columns.join(''))
    .join('\n')
}
