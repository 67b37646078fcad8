import type { TrialBalance } from '../ports.ts'

/** GET /operator/ledger. Amounts are decimal strings of msat. */
export const trialBalanceJson = (trial: TrialBalance): Record<string, unknown> => ({
  object: 'ledger',
  sound: trial.sumMsat === 0n && trial.drifted.length === 0,
  sum_msat: String(trial.sumMsat),
  kinds: trial.kinds.map(({ kind, accounts, balanceMsat }) => ({
    kind,
    accounts,
    balance_msat: String(balanceMsat),
  })),
  drifted: trial.drifted.map(({ account, balanceMsat, entriesMsat }) => ({
    account,
    balance_msat: String(balanceMsat),
    entries_msat: String(entriesMsat),
  })),
})
