import { readFileSync, writeFileSync } from 'node:fs'

/** The account that `npm start` makes for its user. */
export interface DemoAccount {
  readonly accountId: string
  readonly apiKey: string
}

/** A million sat: the demo model costs a few of them a request. */
const CREDIT_MSAT = '1000000000'

/**
 * The demo account, its key and its credit: those in `file` while the edge knows them, else new ones
 * made through the operator API at `edgeUrl` and saved there for their owner alone.
 */
export async function demoAccount(
  edgeUrl: string,
  operatorToken: string,
  file: string,
): Promise<DemoAccount> {
  const saved = readSaved(file)
  if (saved !== undefined && (await isKnown(edgeUrl, saved.apiKey))) return saved

  const operator = operatorApi(edgeUrl, operatorToken)
  const accountId = await operator('/operator/accounts', { name: 'demo' }, 'id')
  const apiKey = await operator(
    `/operator/accounts/${accountId}/keys`,
    { name: 'npm start' },
    'key',
  )
  await operator(
    `/operator/accounts/${accountId}/credits`,
    { reference: 'demo', msat: CREDIT_MSAT },
    'id',
  )
  const account = { accountId, apiKey }
  writeFileSync(file, `${JSON.stringify(account, null, 2)}\n`, { mode: 0o600 })
  return account
}

function readSaved(file: string): DemoAccount | undefined {
  try {
    const { accountId, apiKey } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
    return typeof accountId === 'string' && typeof apiKey === 'string'
      ? { accountId, apiKey }
      : undefined
  } catch {
    return undefined
  }
}

/** Another database, or an emptied one, does not know the key. */
async function isKnown(edgeUrl: string, apiKey: string): Promise<boolean> {
  const { status } = await fetch(`${edgeUrl}/v1/models`, {
    headers: { authorization: `Bearer ${apiKey}` },
  })
  return status !== 401
}

/** Posts to the operator API and returns one text field of the answer. */
const operatorApi =
  (edgeUrl: string, token: string) =>
  async (path: string, body: object, field: string): Promise<string> => {
    const response = await fetch(edgeUrl + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    const text = await response.text()
    const value = response.ok ? (JSON.parse(text) as Record<string, unknown>)[field] : undefined
    if (typeof value !== 'string')
      throw new Error(`POST ${path} answered ${response.status}: ${text}`)
    return value
  }
