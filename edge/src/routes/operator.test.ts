import { newAccountId } from '@infernet/schemas/ids'
import { MAX_MSAT } from '@infernet/schemas/money'
import { describe, expect, it } from 'vitest'
import { answerJson } from '../testing/answers.ts'
import { errorOf } from '../testing/error-answer.ts'
import { startEdge } from '../testing/test-edge.ts'

describe('the operator’s API', () => {
  it('makes an account with a key and credit, ready to be used', async () => {
    const edge = await startEdge()
    const created = await edge.operate('/operator/accounts', { name: 'Ada' })
    expect(created.status).toBe(201)
    const { id } = (await created.json()) as { id: string }
    const keyed = await edge.operate(`/operator/accounts/${id}/keys`, { name: 'laptop' })
    expect(keyed.status).toBe(201)
    const { id: keyId, key } = (await keyed.json()) as { id: string; key: string }
    const credit = { reference: 'invoice 1', msat: '5000' }
    expect(await (await edge.operate(`/operator/accounts/${id}/credits`, credit)).json()).toEqual({
      id,
      object: 'account',
      available_msat: '5000',
      reserved_msat: '0',
      open_jobs: 0,
    })
    const provider = await edge.provider()
    const answer = edge.chat({}, { key })
    answerJson(await provider.jobs.next())
    expect((await answer).status).toBe(200)
    const balance = await edge.operate(`/operator/accounts/${id}`, undefined, 'GET')
    expect(await balance.json()).toMatchObject({ available_msat: '4984' })

    const path = `/operator/accounts/${id}/keys/${keyId}`
    expect(await (await edge.operate(path, undefined, 'DELETE')).json()).toMatchObject({
      revoked: true,
    })
    expect((await edge.chat({}, { key })).status).toBe(401)
    expect((await edge.operate(path, undefined, 'DELETE')).status).toBe(404)
  })

  it('makes keys that expire', async () => {
    const edge = await startEdge()
    const path = `/operator/accounts/${edge.account}/keys`
    const expires_at = Math.floor(edge.clock.now() / 1000) + 60
    const made = await edge.operate(path, { name: 'for a minute', expires_at })
    expect(made.status).toBe(201)
    const shown = (await made.json()) as { key: string; expires_at: number }
    expect(shown.expires_at).toBe(expires_at)
    const status = async () => (await edge.request('/v1/key', { key: shown.key })).status
    expect(await status()).toBe(200)
    edge.clock.advance(61_000)
    expect(await status()).toBe(401)
    for (const past of [expires_at, -1, 1.5, 'tomorrow']) {
      const refused = await edge.operate(path, { name: 'x', expires_at: past })
      expect(await errorOf(refused)).toMatchObject({ status: 400, param: 'expires_at' })
    }
  })

  it('credits once per reference, and says so when the amount differs', async () => {
    const edge = await startEdge()
    const path = `/operator/accounts/${edge.account}/credits`
    const before = (await edge.balance()).availableMsat
    for (let i = 0; i < 2; i++) {
      expect((await edge.operate(path, { reference: 'a', msat: '7' })).status).toBe(200)
    }
    expect(await errorOf(await edge.operate(path, { reference: 'a', msat: '8' }))).toMatchObject({
      status: 409,
      code: 'deposit_conflict',
      param: 'reference',
    })
    expect((await edge.balance()).availableMsat).toBe(before + 7)
  })

  it.each([
    [{ reference: 'a' }, 'msat'],
    [{ reference: 'a', msat: 7 }, 'msat'],
    [{ reference: 'a', msat: '0' }, 'msat'],
    [{ reference: 'a', msat: '-1' }, 'msat'],
    [{ reference: 'a', msat: '1.5' }, 'msat'],
    [{ reference: 'a', msat: '9007199254740992' }, 'msat'],
    [{ reference: 'a', msat: String(MAX_MSAT) }, 'msat'],
    [{ reference: '', msat: '1' }, 'reference'],
    [{ reference: 'a\u0000', msat: '1' }, 'reference'],
    [{ reference: '\ud800', msat: '1' }, 'reference'],
    [{ reference: `inv:${'0a'.repeat(32)}`, msat: '1' }, 'reference'],
  ])('refuses a credit of %o', async (body, param) => {
    const edge = await startEdge()
    const before = await edge.balance()
    const response = await edge.operate(`/operator/accounts/${edge.account}/credits`, body)
    expect(await errorOf(response)).toMatchObject({ status: 400, param })
    expect(await edge.balance()).toEqual(before)
  })

  it('shows whether the journal adds up', async () => {
    const edge = await startEdge()
    const show = async () =>
      (await edge.operate('/operator/ledger', undefined, 'GET')).json() as Promise<unknown>
    expect(await show()).toEqual({
      object: 'ledger',
      sound: true,
      sum_msat: '0',
      kinds: [],
      drifted: [],
    })
    edge.store.trial = {
      kinds: [{ kind: 'client', accounts: 2, balanceMsat: 2n ** 60n }],
      sumMsat: 0n,
      drifted: [{ account: 'client:a', balanceMsat: 2n, entriesMsat: -1n }],
    }
    expect(await show()).toEqual({
      object: 'ledger',
      sound: false,
      sum_msat: '0',
      kinds: [{ kind: 'client', accounts: 2, balance_msat: String(2n ** 60n) }],
      drifted: [{ account: 'client:a', balance_msat: '2', entries_msat: '-1' }],
    })
    expect((await edge.request('/operator/ledger')).status).toBe(404)
  })

  it('shows a live balance, of a bundle too, once Postgres has what it counts', async () => {
    const edge = await startEdge()
    const show = (id: string) => edge.operate(`/operator/balances/${id}`, undefined, 'GET')
    const provider = await edge.provider()
    const answer = edge.chat()
    answerJson(await provider.jobs.next())
    expect((await answer).status).toBe(200)
    const { availableMsat } = await edge.balance()
    expect(await (await show(edge.account)).json()).toEqual({
      id: edge.account,
      object: 'balance',
      available_msat: String(availableMsat),
      reserved_msat: '0',
      open_jobs: 0,
    })
    const kinds = [...edge.store.ledger.values()].map(({ kind }) => kind)
    expect(kinds).toContain('capture')
    const bundle = `l402_${'0a'.repeat(32)}`
    expect(await (await show(bundle)).json()).toMatchObject({ id: bundle, available_msat: '0' })
    for (const other of ['me', 'l402_0', `l402_${'0A'.repeat(32)}`])
      expect((await show(other)).status).toBe(404)
  })

  it('refuses what is no JSON, or too much of it', async () => {
    const edge = await startEdge()
    const init = { method: 'POST', key: 'operator-token' }
    const garbage = await edge.request('/operator/accounts', { ...init, body: '{"name":' })
    expect(await errorOf(garbage)).toMatchObject({ status: 400, code: 'invalid_json' })
    const huge = await edge.request('/operator/accounts', { ...init, body: ' '.repeat(20_000) })
    expect(await errorOf(huge)).toMatchObject({ status: 413 })
  })

  it('knows only accounts that could be', async () => {
    const edge = await startEdge()
    const path = '/operator/accounts/me'
    expect((await edge.operate(path, undefined, 'GET')).status).toBe(404)
    const nobody = `/operator/accounts/${newAccountId(1)}/keys`
    expect((await edge.operate(nobody, { name: 'x' })).status).toBe(404)
  })

  it('credits and shows only accounts that are there', async () => {
    const edge = await startEdge()
    const nobody = newAccountId(1)
    const credit = { reference: 'a', msat: '7' }
    const credited = await edge.operate(`/operator/accounts/${nobody}/credits`, credit)
    expect(await errorOf(credited)).toMatchObject({ status: 404, code: 'account_not_found' })
    expect((await edge.accounts.balance(nobody)).availableMsat).toBe(0)
    const shown = await edge.operate(`/operator/accounts/${nobody}`, undefined, 'GET')
    expect(await errorOf(shown)).toMatchObject({ status: 404, code: 'account_not_found' })
  })

  it('does not exist for anyone without the token', async () => {
    const edge = await startEdge()
    for (const key of [edge.key, 'operator-toke', 'operator-token1', '']) {
      const response = await edge.request('/operator/accounts', { method: 'POST', key })
      expect(await errorOf(response)).toMatchObject({ status: 404, code: 'unknown_url' })
    }
    expect(edge.store.accounts.size).toBe(1)
  })
})
