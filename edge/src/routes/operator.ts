import { ApiError } from '@infernet/openai-compat/api-error'
import { apiErrors } from '@infernet/openai-compat/api-errors'
import { newApiKey } from '@infernet/schemas/api-key'
import {
  isAccountId,
  isJobId,
  newAccountId,
  type AccountId,
  type ApiKeyId,
} from '@infernet/schemas/ids'
import { MoneyError, parseMsat } from '@infernet/schemas/money'
import { calibrationSchema } from '@infernet/verification/evidence/calibration'
import { Hono } from 'hono'
import { z } from 'zod'
import { LedgerError } from '../account/ledger-error.ts'
import { answer } from '../answers.ts'
import { isOperator } from '../auth/is-operator.ts'
import type { Balance, StoredAccount } from '../ports.ts'
import type { EdgeContext, EdgeEnv, EdgeServices } from '../services.ts'
import { receiptJson } from '../receipts/receipt-json.ts'
import { specIn } from './calibrations.ts'
import { limitFields, limitsJson, limitsOf } from './operator-limits.ts'
import { operatorSlashes } from './operator-slashes.ts'
import { readJson } from './read-json.ts'
import { receiptNotFound } from './receipts.ts'
import { trialBalanceJson } from './trial-balance-json.ts'

const MS_PER_S = 1_000
/** Text that Postgres can hold: no control characters, no half surrogate pairs. */
const name = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'control characters are not allowed')
const accountSchema = z.strictObject({ name, ...limitFields })
/** Year 9999: the last that dates in JSON have. */
const MAX_UNIX_SECONDS = 253_402_300_799
const keySchema = z.strictObject({
  name,
  expires_at: z.int().min(1).max(MAX_UNIX_SECONDS).nullable().default(null),
  ...limitFields,
})
const changeSchema = z
  .strictObject(limitFields)
  .refine((change) => Object.keys(change).length > 0, 'name at least one limit to change')
/** A paid invoice's own, which makes a top-up of it: see `writeLedgerEvents`. */
const INVOICE_REFERENCE = /^inv:[0-9a-f]{64}$/
const creditSchema = z.object({
  reference: name.refine(
    (text) => !INVOICE_REFERENCE.test(text),
    'a payment hash is credited when its invoice is paid, and by nobody else',
  ),
  msat: z.string(),
})

/** The operator's API: accounts, keys, credit, the ledger as a whole, any receipt, calibrations, slashes. With any other token it does not exist. */
export function operator(services: EdgeServices): Hono<EdgeEnv> {
  const { store, accounts } = services
  const app = new Hono<EdgeEnv>()
  app.use(async (c, next) => {
    if (!isOperator(services, c)) throw apiErrors.notFound(c.req.method, c.req.path)
    await next()
  })
  app.put('/calibrations/:spec', async (c) => {
    const spec = specIn(c)
    const calibration = await readJson(c, calibrationSchema)
    await services.audits.setCalibration(spec, calibration)
    return answer(services, c, { object: 'calibration', spec, calibration })
  })
  app.post('/accounts', async (c) => {
    const body = await readJson(c, accountSchema)
    const id = newAccountId(services.now())
    const limits = await store.createAccount({ id, name: body.name, limits: limitsOf(body) })
    const account = { id, object: 'account', name: body.name, ...limitsJson(limits) }
    return answer(services, c, account, 201)
  })
  app.patch('/accounts/:id', async (c) => {
    const id = accountOf(c)
    const limits = await store.changeAccount(id, limitsOf(await readJson(c, changeSchema)))
    if (limits === undefined) throw noSuchAccount(id)
    services.keys.forgetAccount(id)
    return answer(services, c, { id, object: 'account', ...limitsJson(limits) })
  })
  app.get('/accounts/:id', async (c) => {
    const id = accountOf(c)
    const { name, limits } = await existing(services, id)
    const balance = balanceFields(await accounts.balance(id))
    return answer(services, c, { id, object: 'account', name, ...limitsJson(limits), ...balance })
  })
  app.post('/accounts/:id/keys', async (c) => {
    const accountId = accountOf(c)
    const body = await readJson(c, keySchema)
    const { name, expires_at } = body
    if (expires_at !== null && expires_at * MS_PER_S <= services.now()) throw expiredAlready()
    const { id, secret, hash } = newApiKey()
    const expiresAt = expires_at === null ? null : expires_at * MS_PER_S
    const key = { id, accountId, hash, name, expiresAt, limits: limitsOf(body) }
    const limits = await store.createApiKey(key)
    if (limits === undefined) throw noSuchAccount(accountId)
    const shown = { id, object: 'api_key', name, key: secret, expires_at, ...limitsJson(limits) }
    return answer(services, c, shown, 201)
  })
  app.patch('/keys/:key', async (c) => {
    const id = keyOf(c)
    const limits = await store.changeApiKey(id, limitsOf(await readJson(c, changeSchema)))
    if (limits === undefined) throw apiErrors.notFound(c.req.method, c.req.path)
    services.keys.forget(id)
    return answer(services, c, { id, object: 'api_key', ...limitsJson(limits) })
  })
  app.delete('/accounts/:id/keys/:key', async (c) => {
    const keyId = keyOf(c)
    const revoked = await store.revokeApiKey(accountOf(c), keyId)
    if (!revoked) throw apiErrors.notFound(c.req.method, c.req.path)
    services.keys.forget(keyId)
    return answer(services, c, { id: keyId, object: 'api_key', revoked: true })
  })
  app.post('/accounts/:id/credits', async (c) => {
    const id = accountOf(c)
    const body = await readJson(c, creditSchema)
    // The live balance knows no accounts; money for nobody would be lost there.
    await existing(services, id)
    const balance = await deposit(services, id, body)
    return answer(services, c, { id, object: 'account', ...balanceFields(balance) })
  })
  app.get('/balances/:id', async (c) => {
    const id = liveAccountOf(c)
    // So that Postgres has all that this balance counts: what reconciliation compares.
    await accounts.flush(id)
    const balance = balanceFields(await accounts.balance(id))
    return answer(services, c, { id, object: 'balance', ...balance })
  })
  app.get('/receipts/:id', async (c) => {
    const id = c.req.param('id')
    const job = isJobId(id) ? await services.archive.find(id) : undefined
    if (job === undefined) throw receiptNotFound(id)
    return answer(services, c, await receiptJson(services, job))
  })
  app.route('/slashes', operatorSlashes(services))
  app.get('/ledger', async (c) => answer(services, c, trialBalanceJson(await store.trialBalance())))
  return app
}

/** Throws ApiError 404 for an account that was never made. */
async function existing({ store }: EdgeServices, id: AccountId): Promise<StoredAccount> {
  const account = await store.findAccount(id)
  if (account === undefined) throw noSuchAccount(id)
  return account
}

const expiredAlready = (): ApiError =>
  apiErrors.invalidRequest("'expires_at' is in the past (Unix seconds).", 'expires_at')

const noSuchAccount = (id: AccountId): ApiError =>
  new ApiError({
    status: 404,
    type: 'invalid_request_error',
    code: 'account_not_found',
    param: 'id',
    message: `There is no account '${id}'.`,
  })

async function deposit(
  services: EdgeServices,
  account: AccountId,
  credit: { reference: string; msat: string },
): Promise<Balance> {
  try {
    const amount = parseMsat(credit.msat)
    if (amount === 0) throw apiErrors.invalidRequest('A credit must be at least 1 msat.', 'msat')
    return await services.accounts.deposit(account, credit.reference, amount)
  } catch (error) {
    if (error instanceof MoneyError) throw apiErrors.invalidRequest(error.message, 'msat')
    if (error instanceof LedgerError && error.code === 'deposit_conflict') {
      throw new ApiError({
        status: 409,
        type: 'invalid_request_error',
        code: error.code,
        param: 'reference',
        message: error.message,
      })
    }
    throw error
  }
}

function accountOf(c: EdgeContext): AccountId {
  const id = c.req.param('id') ?? ''
  if (!isAccountId(id)) throw apiErrors.notFound(c.req.method, c.req.path)
  return id
}

const BUNDLE = /^l402_[0-9a-f]{64}$/
const isLiveAccountId = (id: string): id is AccountId => isAccountId(id) || BUNDLE.test(id)

/** An account's id, or a bundle's, which has a live balance too. */
function liveAccountOf(c: EdgeContext): AccountId {
  const id = c.req.param('id') ?? ''
  if (!isLiveAccountId(id)) throw apiErrors.notFound(c.req.method, c.req.path)
  return id
}

function keyOf(c: EdgeContext): ApiKeyId {
  const id = c.req.param('key') ?? ''
  if (!/^[0-9a-f]{16}$/.test(id)) throw apiErrors.notFound(c.req.method, c.req.path)
  return id as ApiKeyId
}

const balanceFields = (balance: Balance): Record<string, unknown> => ({
  available_msat: String(balance.availableMsat),
  reserved_msat: String(balance.reservedMsat),
  open_jobs: balance.openHolds,
})
