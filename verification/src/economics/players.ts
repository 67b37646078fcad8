import type { MarketSetting } from './market-rules.ts'
import {
  CHEATS,
  COLLUDING_VERIFIER,
  HONEST,
  HONEST_VERIFIER,
  LAZY_VERIFIER,
  UNDETECTED,
  type ProviderStrategy,
  type VerifierStrategy,
} from './strategies.ts'

/** Somebody with a wallet, who provides, verifies, or both. */
export interface Player {
  readonly name: string
  readonly wallet: string
  readonly provides: ProviderStrategy | undefined
  readonly verifies: VerifierStrategy | undefined
}

/** Everybody in the market: some who are honest, and one of each other kind. */
export function playersOf({ honestProviders, honestVerifiers }: MarketSetting): Player[] {
  const providers = [
    ...Array.from({ length: honestProviders }, () => HONEST),
    ...CHEATS,
    UNDETECTED,
  ].map((provides) => ({
    name: provides.name,
    provides,
    verifies: provides.hasVerifier ? COLLUDING_VERIFIER : undefined,
  }))
  const verifiers = [
    ...Array.from({ length: honestVerifiers }, () => HONEST_VERIFIER),
    LAZY_VERIFIER,
  ].map((verifies) => ({ name: verifies.name, provides: undefined, verifies }))
  return [...providers, ...verifiers].map((player, i) => ({ ...player, wallet: `wallet ${i + 1}` }))
}
