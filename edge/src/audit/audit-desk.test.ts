import { CLOSE } from '@infernet/schemas/close-codes'
import type { JobId } from '@infernet/schemas/ids'
import { signPayout } from '@infernet/schemas/payout-statement'
import { specIdOf } from '@infernet/schemas/model-spec'
import type { ReceiptStatement } from '@infernet/schemas/receipt'
import type { Claim } from '@infernet/schemas/transcript'
import { CONDUCT_TIMES } from '@infernet/verification/reputation/conduct'
import { evidenceHash, openEvidence, rejudge } from '@infernet/verification/verdict/audit-evidence'
import { openSilence } from '@infernet/verification/verdict/silence-evidence'
import { beforeEach, describe, expect, it } from 'vitest'
import { RECEIPT_INTERVAL_MS, RETURN_WAIT_MS, SWEEP_INTERVAL_MS } from '../limits.ts'
import { concatenate } from '../hub/job-body.ts'
import { completion, piece, readEvents, streamed } from '../testing/answers.ts'
import { claimOf, DRAWN_SPEC, drawnAnswer } from '@infernet/verification/testing/drawn-answer'
import { FakeProvider, modelOffer, newProviderKey, type FakeJob } from '../testing/fake-provider.ts'
import { capabilityOf, startEdge, type TestEdge } from '../testing/test-edge.ts'
import { OPENING_WAIT_MS, RECORD_RETRY_MS, STANDING_WAIT_MS } from './audit-limits.ts'

const TOKENS = 30
const MODELS = [modelOffer('tiny', { spec: DRAWN_SPEC })]

/** What an honest provider draws with, and shows. */
function honest({ header }: FakeJob) {
  const sampler = {
    temperature: 0.8,
    top_k: 10,
    top_p: 0.95,
    min_p: 0.05,
    seed: String(header.seed),
  }
  const transcript = drawnAnswer(sampler, TOKENS)
  return { transcript, claim: claimOf(transcript, sampler, specIdOf(DRAWN_SPEC)) }
}

describe('audits', () => {
  let edge: TestEdge
  let provider: FakeProvider
  const key = newProviderKey()

  beforeEach(async () => {
    edge = await startEdge()
    provider = await edge.provider({ models: MODELS }, key)
  })

  async function asked(fields: Record<string, unknown>) {
    const answer = edge.chat({ temperature: 0.8, max_completion_tokens: TOKENS, ...fields })
    const job = await provider.jobs.next()
    const usage = { prompt_tokens: 5, completion_tokens: TOKENS }
    const body = completion('text '.repeat(TOKENS), 5, TOKENS).replace('"stop"', '"length"')
    job.begin().data(body).end({ usage, finish_reason: 'length' })
    return { job, answer }
  }
  async function answered(fields: Record<string, unknown> = {}) {
    const { job, answer } = await asked(fields)
    await answer
    return job
  }

  const usage = { prompt_tokens: 5, completion_tokens: TOKENS }
  const sign = async (
    job: FakeJob,
    claim: Claim | undefined,
    more: Partial<ReceiptStatement> = {},
  ) => {
    edge.clock.advance(RECEIPT_INTERVAL_MS)
    provider.sendReceipts([job.statement({ usage, ...more, ...(claim && { claim }) })])
    await provider.acks.next()
  }
  /** What an audit does after an opening takes some turns. */
  const settled = () => new Promise(setImmediate)
  const auditOf = async ({ header }: FakeJob) => {
    await settled()
    return (await edge.audits.auditsOf(header.job))[0]
  }
  const recordOf = async () => (await edge.audits.recordsOf(provider.peer))[0]

  it('open what a newcomer has signed, and judge it', async () => {
    const job = await answered()
    const { claim, transcript } = honest(job)
    await sign(job, claim)
    expect(await provider.openRequests.next()).toEqual({ lease: job.header.lease })
    provider.open(job.header.lease, transcript)
    expect(await auditOf(job)).toMatchObject({
      provider: provider.peer,
      model: 'tiny',
      spec: specIdOf(DRAWN_SPEC),
      rate: 1,
      verdict: 'pass',
      report: { replay: { tokens: TOKENS, mismatches: 0 } },
    })
    expect(await recordOf()).toMatchObject({ passed: 1, consecutiveValid: 1 })
    const receipt = await edge.request(`/v1/receipts/${job.header.job}`)
    expect(await receipt.json()).toMatchObject({ audits: [{ verdict: 'pass', rate: 1 }] })
    expect(edge.events.metrics()).toContain('infernet_audits_total{verdict="pass"} 1')
  })

  it('find out who draws with another seed', async () => {
    const job = await answered()
    const { claim } = honest(job)
    const sampler = { ...claim.sampler, seed: '4' }
    const forged = drawnAnswer(sampler, TOKENS)
    const lie = { ...claimOf(forged, sampler, specIdOf(DRAWN_SPEC)), sampler: claim.sampler }
    await sign(job, lie)
    provider.open(job.header.lease, forged)
    expect(await auditOf(job)).toMatchObject({ verdict: 'fail' })
    expect(await recordOf()).toMatchObject({ failed: 1, consecutiveValid: 0 })
    expect(edge.log).toContainEqual(expect.objectContaining({ event: 'audit' }))
  })

  it.each<[string, string, (job: FakeJob) => Promise<void>]>([
    ['signs nothing', 'no receipt came', async () => {}],
    ['opens nothing', 'nothing was opened', (job) => sign(job, honest(job).claim)],
  ])('count who %s in time', async (_does, reason, act) => {
    const job = await answered()
    await act(job)
    edge.clock.advance(OPENING_WAIT_MS)
    const audit = await auditOf(job)
    expect(audit?.verdict).toBe('unopened')
    expect(audit?.report.reason).toContain(reason)
    expect(await recordOf()).toMatchObject({ unopened: 1, consecutiveValid: 0 })
  })

  it('count who has thrown its transcript away', async () => {
    const job = await answered()
    await sign(job, honest(job).claim)
    provider.open(job.header.lease, undefined)
    expect(await auditOf(job)).toMatchObject({ verdict: 'unopened' })
  })

  it('count who claims another spec than it offers', async () => {
    const job = await answered()
    await sign(job, { ...honest(job).claim, spec: '00'.repeat(32) })
    expect(await auditOf(job)).toMatchObject({ verdict: 'unopened' })
  })

  it('say nothing of an answer that claims nothing', async () => {
    const job = await answered()
    await sign(job, undefined)
    expect(await auditOf(job)).toMatchObject({
      verdict: 'inconclusive',
      report: { reason: 'unclaimed' },
    })
  })

  it('pass over openings that nobody asked for, and those of others', async () => {
    const stranger = await edge.provider({ models: [modelOffer('other')] })
    const job = await answered()
    const { claim, transcript } = honest(job)
    provider.open(job.header.lease, transcript)
    await sign(job, claim)
    stranger.open(job.header.lease, undefined)
    expect(await auditOf(job)).toBeUndefined()
    provider.open(job.header.lease, transcript)
    expect(await auditOf(job)).toMatchObject({ verdict: 'pass' })
    expect(stranger.closed ?? provider.closed).toBeUndefined()
  })

  it('leave out who promises nothing', async () => {
    provider = await edge.provider({ models: [modelOffer('tiny')] }, key)
    const job = await answered()
    await sign(job, honest(job).claim)
    edge.clock.advance(OPENING_WAIT_MS)
    expect(await auditOf(job)).toBeUndefined()
  })

  it('grow rare for who has passed many, and remember that', async () => {
    await known('pass', -0.1, 90)
    await back()
    const asked = []
    for (let i = 0; i < 60; i++) {
      const job = await answered()
      await sign(job, honest(job).claim)
      if (provider.openRequests.size > 0) asked.push(await provider.openRequests.next())
    }
    expect(asked.length).toBeGreaterThan(0)
    expect(asked.length).toBeLessThan(20)
  })

  /** What audits before this one have found. */
  const known = async (verdict: 'pass' | 'fail', logE: number, times = 1) => {
    const { header } = await answered()
    const audit = { ...template(header.job), provider: provider.peer, spec: specIdOf(DRAWN_SPEC) }
    const judgedAt = edge.clock.now()
    for (let i = 1; i <= times; i++) {
      const lease = `${header.job}.${i}` as typeof audit.lease
      await edge.audits.record({ ...audit, verdict, logE, judgedAt, lease })
    }
  }
  const back = async () => {
    provider.vanish()
    provider = new FakeProvider(edge.hub, key).connect()
    const capability = capabilityOf({ models: MODELS })
    await provider.login(provider.hello({ capability, now: edge.clock.now() }))
    await new Promise(setImmediate)
  }

  it('send a provider away that was found out, and every time that it comes back', async () => {
    const job = await answered()
    const { claim } = honest(job)
    const sampler = { ...claim.sampler, seed: '4' }
    const forged = drawnAnswer(sampler, TOKENS)
    await sign(job, { ...claimOf(forged, sampler, specIdOf(DRAWN_SPEC)), sampler: claim.sampler })
    expect(provider.closed).toBeUndefined()
    provider.open(job.header.lease, forged)
    await settled()
    const away = { code: CLOSE.banned, reason: expect.stringContaining("'tiny'") }
    expect(provider.closed).toMatchObject(away)
    await back()
    expect(provider.closed).toMatchObject(away)
    expect((await edge.chat()).status).toBe(503)
    expect(edge.events.metrics()).toContain('infernet_provider_bans_total')
  })

  it('convict it by evidence from which anybody comes to the same verdict', async () => {
    const job = await answered({ provider: { open_audit: true } })
    const { claim } = honest(job)
    const sampler = { ...claim.sampler, seed: '4' }
    const forged = drawnAnswer(sampler, TOKENS)
    await sign(job, { ...claimOf(forged, sampler, specIdOf(DRAWN_SPEC)), sampler: claim.sampler })
    provider.open(job.header.lease, forged)
    const audit = await auditOf(job)
    const [slash] = await edge.slashes.ofProvider(provider.peer)
    expect(slash).toMatchObject({ state: 'open', lease: job.header.lease, isOpen: true })
    const evidence = (await edge.slashes.evidenceOf(slash?.id ?? '')) ?? ''
    expect(evidenceHash(evidence)).toBe(slash?.evidenceSha256)
    expect(rejudge(await openEvidence(evidence))).toMatchObject({
      verdict: 'fail',
      logE: audit?.logE,
      report: audit?.report,
    })
    expect((await edge.audits.conductOf(provider.peer))?.standing).toBe('slashed')
  })

  it('convict who has left before the verdict, too', async () => {
    const job = await answered()
    const { claim } = honest(job)
    const sampler = { ...claim.sampler, seed: '4' }
    const forged = drawnAnswer(sampler, TOKENS)
    await sign(job, { ...claimOf(forged, sampler, specIdOf(DRAWN_SPEC)), sampler: claim.sampler })
    provider.open(job.header.lease, forged)
    provider.vanish()
    expect((await auditOf(job))?.verdict).toBe('fail')
    expect((await edge.audits.conductOf(provider.peer))?.standing).toBe('slashed')
  })

  it('take who opens nothing time after time for one who lies', async () => {
    const verdicts = []
    for (let i = 0; i < 3; i++) {
      const job = await answered()
      await sign(job, honest(job).claim)
      provider.open(job.header.lease, undefined)
      verdicts.push((await auditOf(job))?.verdict)
    }
    expect(verdicts).toEqual(['unopened', 'unopened', 'fail'])
    expect(await edge.slashes.ofProvider(provider.peer)).toEqual([])
  })

  const refuse = async () => {
    const job = await answered()
    await sign(job, honest(job).claim)
    provider.open(job.header.lease, undefined)
    await settled()
    return job.header.lease
  }

  it('convict who goes on after that, by all that it has not shown', async () => {
    const leases = [await refuse(), await refuse(), await refuse()]
    edge.clock.advance(CONDUCT_TIMES.suspensionMs)
    await back()
    leases.push(await refuse())
    const [slash] = await edge.slashes.ofProvider(provider.peer)
    expect(slash).toMatchObject({ state: 'open', lease: leases[3], isOpen: true })
    const evidence = (await edge.slashes.evidenceOf(slash?.id ?? '')) ?? ''
    expect(evidenceHash(evidence)).toBe(slash?.evidenceSha256)
    const silence = await openSilence(evidence)
    expect(silence?.provider).toBe(provider.peer)
    expect(silence?.refused.map(({ statement }) => statement.lease)).toEqual(leases)
    expect((await edge.audits.conductOf(provider.peer))?.standing).toBe('slashed')
  })

  it('hold against nobody what it could not show any more once it was sent away', async () => {
    for (let i = 0; i < 3; i++) await refuse()
    edge.clock.advance(CONDUCT_TIMES.suspensionMs)
    await back()
    const last = await answered()
    await refuse()
    expect(provider.closed).toBeDefined()
    edge.clock.advance(OPENING_WAIT_MS)
    expect(await auditOf(last)).toBeUndefined()
  })

  it('convict nobody of what it had an excuse not to show', async () => {
    for (let i = 0; i < 4; i++) {
      if (i === 3) edge.clock.advance(CONDUCT_TIMES.suspensionMs)
      await back()
      const job = await answered()
      await sign(job, honest(job).claim)
      provider.vanish()
      edge.clock.advance(OPENING_WAIT_MS)
      await settled()
    }
    expect((await edge.audits.conductOf(provider.peer))?.standing).toBe('accused')
    expect(await edge.slashes.ofProvider(provider.peer)).toEqual([])
  })

  it('count once what was lost with one connection', async () => {
    const jobs = [await answered(), await answered(), await answered(), await answered()]
    for (const job of jobs) await sign(job, honest(job).claim)
    provider.vanish()
    edge.clock.advance(OPENING_WAIT_MS)
    await settled()
    await back()
    expect(await recordOf()).toMatchObject({ unopened: 1, unopenedInRow: 1, failed: 0 })
  })

  /** An answer in the middle. */
  async function begun() {
    const answer = edge.chat({ stream: true, temperature: 0.8, max_completion_tokens: TOKENS })
    const job = await provider.jobs.next()
    job.begin().data(concatenate([piece.role(), piece.text('one ')]))
    const reading = readEvents(await answer)
    await settled()
    return { job, reading }
  }

  it('count once what was lost with it in the middle, too', async () => {
    const job = await answered()
    await sign(job, honest(job).claim)
    const { reading } = await begun()
    provider.vanish()
    await settled()
    edge.clock.advance(RETURN_WAIT_MS + SWEEP_INTERVAL_MS)
    await reading
    edge.clock.advance(OPENING_WAIT_MS)
    await settled()
    await back()
    expect(await recordOf()).toMatchObject({ unopened: 1, unopenedInRow: 1, failed: 0 })
  })

  it('excuse who was cut off, though it is back when its answer is over', async () => {
    const models = [modelOffer('tiny', { spec: DRAWN_SPEC, capabilities: ['continue'] })]
    provider = await edge.provider({ models }, key)
    const { job, reading } = await begun()
    provider.vanish()
    provider = await edge.provider({ models }, key)
    const rest = await provider.jobs.next()
    rest.begin().data(streamed(['two'], { prompt: 5, completion: 1 }))
    rest.end({ usage: { prompt_tokens: 5, completion_tokens: 1 } })
    await reading
    await sign(job, honest(job).claim, { usage: { prompt_tokens: 5, completion_tokens: 1 } })
    provider.open(job.header.lease, undefined)
    await settled()
    const audits = await edge.audits.auditsOf(job.header.job)
    const first = audits.find(({ lease }) => lease === job.header.lease)
    expect(first).toMatchObject({ verdict: 'unopened', report: { unopened: { refusal: null } } })
  })

  it('know how a provider stands, though what it has refused cannot be read', async () => {
    for (let i = 0; i < 3; i++) await refuse()
    edge.audits.refusalsOf = () => Promise.reject(new Error('down'))
    await back()
    expect(edge.hub.providers).toBe(1)
    expect((await edge.chat()).status).toBe(503)
  })

  it.each([
    ['never', 'none', undefined],
    ['always', 'strict', 'strict'],
  ])('are made %s where the client says so', async (_often, verify, source) => {
    await known('pass', -0.1, 90)
    await back()
    for (let i = 0; i < 5; i++) {
      const { job, answer } = await asked({ provider: { verify } })
      const { claim, transcript } = honest(job)
      await sign(job, claim)
      if (source === undefined) expect(provider.openRequests.size).toBe(0)
      else provider.open(job.header.lease, transcript)
      expect((await auditOf(job))?.source).toBe(source)
      expect((await answer).status).toBe(200)
    }
  })

  it('keep a provider waiting until it is known what it did before, and not for long', async () => {
    const known = Promise.withResolvers<undefined>()
    edge.audits.conductOf = () => known.promise
    await back()
    expect((await edge.chat()).status).toBe(503)
    known.resolve(undefined)
    await settled()
    await answered()
    edge.audits.conductOf = () => new Promise(() => {})
    await back()
    expect((await edge.chat()).status).toBe(503)
    edge.clock.advance(STANDING_WAIT_MS)
    await answered()
  })

  it('keep a provider out that wants to be paid where a banned one was', async () => {
    edge.audits.isShunned = async (_, destination) => destination === `02${'ab'.repeat(32)}`
    const payoutTo = async (pubkey: string) => {
      const other = newProviderKey()
      const newcomer = new FakeProvider(edge.hub, other).connect()
      const payout = signPayout(other, { to: { kind: 'keysend', pubkey } }, edge.clock.now())
      const capability = { ...capabilityOf({ models: MODELS }), payout }
      await newcomer.login(newcomer.hello({ capability, now: edge.clock.now() }))
      await settled()
      return newcomer.closed
    }
    expect(await payoutTo(`02${'cd'.repeat(32)}`)).toBeUndefined()
    expect(await payoutTo(`02${'ab'.repeat(32)}`)).toMatchObject({
      code: CLOSE.banned,
      reason: expect.stringContaining('banned provider'),
    })
  })

  it('are made of what was not selected when its receipt is wrong at first sight', async () => {
    await known('pass', -0.1, 5_000)
    await back()
    const seeds = []
    for (let i = 0; i < 4; i++) {
      const job = await answered()
      const { claim, transcript } = honest(job)
      const isWrong = i === 3
      await sign(job, isWrong ? { ...claim, sampler: { ...claim.sampler, seed: '4' } } : claim)
      if (isWrong) provider.open(job.header.lease, transcript)
      seeds.push((await auditOf(job))?.verdict)
    }
    expect(seeds[3]).toBe('fail')
  })

  it('let a provider rest for a day that is under grave suspicion', async () => {
    await known('fail', Math.log(1e4))
    await back()
    expect(provider.closed).toBeUndefined()
    expect((await edge.chat()).status).toBe(503)
    edge.clock.advance(CONDUCT_TIMES.suspensionMs)
    await back()
    expect(provider.closed).toBeUndefined()
    await answered()
  })

  it('write their verdict down when the database is back', async () => {
    const job = await answered()
    const { claim, transcript } = honest(job)
    await sign(job, claim)
    edge.audits.down = true
    provider.open(job.header.lease, transcript)
    await new Promise(setImmediate)
    edge.audits.down = false
    expect(await auditOf(job)).toBeUndefined()
    edge.clock.advance(RECORD_RETRY_MS)
    expect(await auditOf(job)).toMatchObject({ verdict: 'pass' })
  })

  const template = (job: JobId) => ({
    job,
    model: 'tiny',
    epoch: 0,
    source: 'sample' as const,
    rate: 1,
    verdict: 'pass' as const,
    logE: -0.1,
    report: { reason: null, findings: [], replay: null, rescored: null },
    judgedAt: 0,
    lease: '' as FakeJob['header']['lease'],
  })
})
