import type { SlashFacts } from '@infernet/schemas/slash-facts'
import { unixSeconds } from '../unix-seconds.ts'
import type { StoredSlash } from './slash-port.ts'

/** What anybody may know of a slash. Not the appeal's words: they may tell of a client's question. */
export const slashJson = (slash: StoredSlash): SlashFacts => ({
  id: slash.id,
  object: 'slash',
  provider: slash.provider,
  spec: slash.spec,
  model: slash.model,
  lease: slash.lease,
  state: slash.state,
  evidence_sha256: slash.evidenceSha256,
  evidence_open: slash.isOpen,
  affected_from: unixSeconds(slash.affectedFrom),
  opened_at: unixSeconds(slash.openedAt),
  appeal_until: unixSeconds(slash.appealUntil),
  appealed_at: maybe(slash.appealedAt, unixSeconds),
  decided_at: maybe(slash.decidedAt, unixSeconds),
  refunded_msat: maybe(slash.refundedMsat, String),
  forfeited_msat: maybe(slash.forfeitedMsat, String),
})

/** The same with the appeal's words, for who has to decide about it. */
export const operatorSlashJson = (slash: StoredSlash): SlashFacts & { appeal: string | null } => ({
  ...slashJson(slash),
  appeal: slash.appeal ?? null,
})

const maybe = <T, U>(value: T | undefined, show: (value: T) => U): U | null =>
  value === undefined ? null : show(value)
