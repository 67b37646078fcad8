import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { HOLDBACK_POLICY, type HoldbackPolicy } from '@infernet/verification/reputation/holdback'
import { z } from 'zod'
import type { LndAddress } from '../lightning/lnd/lnd-connection.ts'
import { settlerUrl } from './edge-address.ts'
import type { PayoutSettings } from './provider-policy.ts'
import { settlerKeys, type SettlerKeys } from './settler-key.ts'
import { SettlerOptionError } from './settler-option-error.ts'

const MSAT_PER_SAT = 1000n
/** A token is some 40 characters, a macaroon some 300 bytes, a certificate some 1,000. */
const MAX_FILE_BYTES = 64 * 1024

/** What commander has read; texts are still as they were typed. */
export interface RunFlags {
  readonly edge: string
  readonly edgeTokenFile: string
  readonly databaseUrl: string
  readonly lnd: string
  readonly lndCert: string
  readonly macaroons: string
  readonly keyFile: string
  readonly createKey?: boolean
  readonly allowPlainEdge?: boolean
  readonly payoutThresholdSat: string
  readonly payoutMaxAge: string
  readonly dailyCapSat: string
  readonly payoutMinimumMsat: string
  readonly holdback: string
  readonly newcomerHoldback: string
  readonly leaseSeconds: string
  readonly metricsPort?: string
  readonly json?: boolean
}

export interface RunOptions {
  readonly edgeUrl: string
  readonly edgeToken: string
  readonly databaseUrl: string
  readonly intake: LndAddress
  readonly payout: LndAddress
  readonly keys: SettlerKeys
  readonly payouts: PayoutSettings
  /** How long earnings wait that no audit has found good. */
  readonly holdback: HoldbackPolicy
  /** How long a settler that was killed keeps others waiting. */
  readonly leaseMs: number
  /** Undefined: no metrics. */
  readonly metricsPort: number | undefined
  readonly json: boolean
}

/** By task, as `bake` names the files: see `macaroon-roles.ts`. */
export type MacaroonRole = 'intake' | 'payout' | 'recon'

/** Reads the files that are named; `credentials` as of `settlerKeys`. Throws {@link SettlerOptionError}. */
export function runOptions(flags: RunFlags, credentials?: string): RunOptions {
  const [intake, payout] = [lndAddress(flags, 'intake'), lndAddress(flags, 'payout')]
  return {
    edgeUrl: settlerUrl(flags.edge, flags.allowPlainEdge === true),
    edgeToken: readOption(flags.edgeTokenFile).toString().trim(),
    databaseUrl: flags.databaseUrl,
    intake,
    payout,
    keys: settlerKeys(flags.keyFile, flags.createKey === true, credentials),
    payouts: {
      thresholdMsat: sats(flags.payoutThresholdSat, '--payout-threshold-sat'),
      maxAgeMs: durationMs(flags.payoutMaxAge),
      dailyCapMsat: sats(flags.dailyCapSat, '--daily-cap-sat'),
      minimumMsat: whole(flags.payoutMinimumMsat, '--payout-minimum-msat', 'millisatoshis'),
    },
    holdback: {
      ...HOLDBACK_POLICY,
      holdMs: durationMs(flags.holdback),
      newcomerHoldMs: durationMs(flags.newcomerHoldback),
    },
    leaseMs: leaseMs(flags.leaseSeconds),
    metricsPort: flags.metricsPort === undefined ? undefined : port(flags.metricsPort),
    json: flags.json === true,
  }
}

/** How LND is reached with the macaroon of one role. Throws {@link SettlerOptionError}. */
export const lndAddress = (
  { lnd, lndCert, macaroons }: Pick<RunFlags, 'lnd' | 'lndCert' | 'macaroons'>,
  role: MacaroonRole,
): LndAddress => ({
  socket: lnd,
  certificate: readOption(lndCert).toString(),
  macaroon: readOption(join(macaroons, `${role}.macaroon`)).toString('hex'),
})

/** A small file that the operator names. Throws {@link SettlerOptionError}. */
export function readOption(path: string): Buffer {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (error) {
    throw new SettlerOptionError(error instanceof Error ? error.message : String(error))
  }
  if (bytes.length === 0 || bytes.length > MAX_FILE_BYTES)
    throw new SettlerOptionError(`${path} is empty, or too large to be what is meant`)
  return bytes
}

const UNITS: ReadonlyMap<string, number> = new Map([
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
])

/** `90s`, `15m`, `24h`, `7d`. Throws {@link SettlerOptionError}. */
export function durationMs(text: string): number {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  const ms = UNITS.get(unit ?? '')
  if (ms === undefined) throw new SettlerOptionError(`'${text}' is no time; write it like 24h`)
  return Number(count) * ms
}

const amountSchema = z.string().regex(/^[1-9]\d{0,12}$/)

function sats(text: string, option: string): bigint {
  return whole(text, option, 'satoshis') * MSAT_PER_SAT
}

function whole(text: string, option: string, unit: string): bigint {
  if (!amountSchema.safeParse(text).success)
    throw new SettlerOptionError(`${option} is a whole number of ${unit}, not '${text}'`)
  return BigInt(text)
}

/** Shorter, and a database that is slow for a moment ends the settler; longer, and nobody is paid meanwhile. */
function leaseMs(text: string): number {
  const seconds = Number(text)
  if (!/^\d{1,3}$/.test(text) || seconds < 3 || seconds > 300)
    throw new SettlerOptionError(`--lease-seconds is from 3 to 300, not '${text}'`)
  return seconds * 1000
}

function port(text: string): number {
  const value = Number(text)
  if (!/^\d{1,5}$/.test(text) || value > 65_535)
    throw new SettlerOptionError(`'${text}' is no port`)
  return value
}
