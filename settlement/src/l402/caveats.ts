// What a token is limited to: caveats `name=value`, checked by Aperture's rule, that a later caveat of the
// same name may only narrow the one before, and that the last decides.
//
// Caveats that are unknown are skipped, as the specification demands, because a holder may narrow a token
// for other applications too (https://github.com/lightninglabs/L402/blob/master/macaroon-spec.md, "Unknown
// caveats"). Those named `infer_…` cannot be meant for another application: skipping one would give whoever
// got a narrowed token more than its giver meant, so they are refused, and so is a name that is ours but
// for case or spaces.
import { MAX_MODEL_NAME_LENGTH } from '@infernet/schemas/limits'
import { MoneyError, parseMsat, type Msat } from '@infernet/schemas/money'
import type { Endpoint } from '@infernet/schemas/wire'

/** What a credential allows; what is absent is not limited. */
export interface Limits {
  /** `name:tier` each. */
  readonly services?: readonly string[]
  /** As {@link capabilityOf} names them. */
  readonly capabilities?: readonly string[]
  /** Unix seconds; from then on it is good for nothing. */
  readonly validUntil?: number
  readonly model?: string
  /**
   * What the bundle may have spent in all, held amounts included, once this credential's request is paid.
   * The account that holds the bundle enforces it: it counts what all holders of the bundle have spent,
   * because nothing tells one copy of a credential from another.
   */
  readonly budgetMsat?: Msat
}

/** What of a request its credential must allow. */
export interface RequestFacts {
  /** Undefined for a request that runs nothing. */
  readonly endpoint: Endpoint | undefined
  /** Undefined while the body is unread; then ask {@link limitRefusal} again. */
  readonly model: string | undefined
}

export type CaveatFault = 'unknown_caveat' | 'malformed_caveat' | 'widened_caveat'
export type LimitRefusal =
  | 'other_service'
  | 'expired'
  | 'capability_not_allowed'
  | 'model_not_allowed'
export type ReadLimits =
  | { readonly ok: true; readonly limits: Limits }
  | { readonly ok: false; readonly reason: CaveatFault }

/** This API, at its base tier. */
export const SERVICE = 'infer:0'
const OWN_PREFIX = 'infer_'
const SERVICES = 'services'
/** Each later list is compared with the one before; so many of the longest names fit a caveat. */
export const MAX_LIST_ITEMS = 16

const CAPABILITIES = {
  'chat.completions': 'chat',
  completions: 'completions',
  embeddings: 'embeddings',
} as const satisfies Record<Endpoint, string>

/** What `infer_capabilities` calls an endpoint. Responses and Messages are chat, as they are to providers. */
export const capabilityOf = (endpoint: Endpoint): string => CAPABILITIES[endpoint]

/** The limits that a token's caveats add up to, or why they must not be trusted. */
export function readLimits(caveats: readonly string[]): ReadLimits {
  let limits: Limits = {}
  for (const caveat of caveats) {
    const equals = caveat.indexOf('=')
    const name = equals < 0 ? caveat : caveat.slice(0, equals)
    const rule = RULES.get(name)
    if (rule === undefined) {
      if (isOurs(name)) return { ok: false, reason: 'unknown_caveat' }
      continue
    }
    const next = equals < 0 ? 'malformed_caveat' : rule(caveat.slice(equals + 1), limits)
    if (typeof next === 'string') return { ok: false, reason: next }
    limits = next
  }
  return { ok: true, limits }
}

/** The caveats that limit a token to `limits`. {@link readLimits} says whether they are well-formed. */
export function writeCaveats(limits: Limits): string[] {
  const { services, capabilities, validUntil, model, budgetMsat } = limits
  const caveats: readonly (readonly [string, string | number | undefined])[] = [
    [SERVICES, services?.join(',')],
    ['infer_capabilities', capabilities?.join(',')],
    ['infer_valid_until', validUntil],
    ['infer_model', model],
    ['infer_budget_msat', budgetMsat],
  ]
  return caveats.flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]))
}

/** Why `limits` do not allow a request at `now` (Unix milliseconds), or undefined if they do. */
export function limitRefusal(
  { services, capabilities, validUntil, model }: Limits,
  facts: RequestFacts,
  now: number,
): LimitRefusal | undefined {
  if (services?.includes(SERVICE) === false) return 'other_service'
  if (validUntil !== undefined && now >= validUntil * 1000) return 'expired'
  const { endpoint } = facts
  if (endpoint !== undefined && capabilities?.includes(capabilityOf(endpoint)) === false)
    return 'capability_not_allowed'
  if (model !== undefined && facts.model !== undefined && model !== facts.model)
    return 'model_not_allowed'
  return undefined
}

/** The limits with one more caveat's value. */
type Rule = (value: string, before: Limits) => Limits | CaveatFault

function rule<Key extends keyof Limits>(
  key: Key,
  read: (value: string) => Required<Limits>[Key] | undefined,
  narrows: (before: Required<Limits>[Key], after: Required<Limits>[Key]) => boolean,
): Rule {
  return (value, limits) => {
    const after = read(value)
    if (after === undefined) return 'malformed_caveat'
    const before = limits[key] as Required<Limits>[Key] | undefined
    if (before !== undefined && !narrows(before, after)) return 'widened_caveat'
    return { ...limits, [key]: after }
  }
}

const RULES: ReadonlyMap<string, Rule> = new Map([
  [SERVICES, rule('services', list(/^[a-z0-9_.-]{1,24}:(?:0|[1-9][0-9]{0,2})$/), isSubset)],
  ['infer_capabilities', rule('capabilities', list(/^[a-z0-9_.-]{1,24}$/), isSubset)],
  ['infer_valid_until', rule('validUntil', seconds, isAtMost)],
  ['infer_model', rule('model', modelName, (before, after) => before === after)],
  ['infer_budget_msat', rule('budgetMsat', amount, isAtMost)],
])

function isOurs(name: string): boolean {
  const plain = name.trim().toLowerCase()
  return plain === SERVICES || plain.startsWith(OWN_PREFIX)
}

function list(item: RegExp): (value: string) => string[] | undefined {
  return (value) => {
    const items = value.split(',', MAX_LIST_ITEMS + 1)
    return items.length <= MAX_LIST_ITEMS && items.every((text) => item.test(text))
      ? items
      : undefined
  }
}

/** Up to the year 33658: far below what a number of milliseconds can hold. */
function seconds(value: string): number | undefined {
  return /^(?:0|[1-9][0-9]{0,11})$/.test(value) ? Number(value) : undefined
}

function modelName(value: string): string | undefined {
  return value.length <= MAX_MODEL_NAME_LENGTH && /^[\x21-\x7e]+$/.test(value) ? value : undefined
}

function amount(value: string): Msat | undefined {
  try {
    return parseMsat(value)
  } catch (error) {
    if (error instanceof MoneyError) return undefined
    throw error
  }
}

function isSubset(before: readonly string[], after: readonly string[]): boolean {
  return after.every((item) => before.includes(item))
}

function isAtMost(before: number, after: number): boolean {
  return after <= before
}
