import { testAccounts } from './conformance/accounts.ts'
import { testAudits } from './conformance/audits.ts'
import { testSlashes } from './conformance/slashes.ts'
import { testBilling } from './conformance/billing.ts'
import { testCanaries } from './conformance/canaries.ts'
import { testEarnings } from './conformance/earnings.ts'
import { testEscrows } from './conformance/escrows.ts'
import { testInvoices } from './conformance/invoices.ts'
import { escrowActs } from './conformance/escrow-acts.ts'
import { testLedgerEvents } from './conformance/ledger-events.ts'
import { testLedger } from './conformance/ledger.ts'
import { testLiveAccounts } from './conformance/live-accounts.ts'
import { testOutbox } from './conformance/outbox.ts'
import { testPayouts } from './conformance/payouts.ts'
import { testPort } from './conformance/port.ts'
import { testPost } from './conformance/post.ts'
import { testPricedJobs } from './conformance/priced-jobs.ts'
import { testProviderRecords } from './conformance/provider-records.ts'
import { testProviders } from './conformance/providers.ts'
import { testReceipts } from './conformance/receipts.ts'
import { testResponses } from './conformance/responses.ts'
import { settlerActs } from './conformance/settler-acts.ts'
import { FEE_BPS, fundedBatch } from './conformance/fixtures.ts'
import { postgresAudits } from './audits.ts'
import { postgresCanaries } from './canaries.ts'
import { postgresEarnings } from './earnings.ts'
import { writeLedgerEvents } from './ledger-events.ts'
import { postgresProviders } from './provider-records.ts'
import { recordProvider } from './providers.ts'
import { postgresSlashes } from './slashes.ts'
import { postgresPricedJobs } from './priced-jobs.ts'
import { postgresBilling } from './billing.ts'
import { openDatabase } from '@infernet/settlement/db/database'
import type { Capability } from '@infernet/schemas/wire'
import type { DbPort } from '@infernet/settlement/db/db-port'
import { testLiftedSlashes } from '@infernet/settlement/settler/lifted-slash-conformance'
import { testReleases } from '@infernet/settlement/settler/release-conformance'
import { testReleaseSweep } from '@infernet/settlement/settler/release-sweep-conformance'
import { testSettlerRows } from '@infernet/settlement/settler/settler-rows-conformance'
import { testSettlerLease } from '@infernet/settlement/settler/lease-conformance'

const NOTHING_OFFERED: Capability = {
  models: [],
  slots: 1,
  data_collection: 'deny',
  engine: 'none',
  agent: 'none',
}

/** Every adapter's suite: the port itself, then all the edge writes and reads through it. */
export function testDatabase(open: () => DbPort): void {
  const openTyped = () => openDatabase(open())
  testPort(open)
  testAccounts(openTyped)
  testLedgerEvents(openTyped)
  testReceipts(openTyped)
  testProviders(openTyped)
  testResponses(openTyped)
  testBilling(() => ({ billing: postgresBilling(open()), settler: settlerActs(open()) }))
  testPricedJobs((now) => ({
    store: postgresPricedJobs(open(), now),
    settler: escrowActs(open()),
  }))
  testAudits(() => postgresAudits(open()))
  testCanaries(() => postgresCanaries(open()))
  testSlashes(() => ({
    audits: postgresAudits(open()),
    slashes: postgresSlashes(open()),
    seen: (provider, address, at) => {
      const to = { kind: 'lightning_address' as const, address }
      const payout = { to, issued_at: 0, signature: '' }
      return recordProvider(
        openTyped(),
        provider,
        { capability: { ...NOTHING_OFFERED, payout } },
        new Date(at),
      )
    },
  }))
  testProviderRecords((now) => ({
    store: postgresProviders(open(), now),
    audits: postgresAudits(open()),
    seen: (provider, capability, at, announcement) =>
      recordProvider(openTyped(), provider, { capability, announcement }, new Date(at)),
    ended: (jobs) => writeLedgerEvents(openTyped(), fundedBatch(jobs), FEE_BPS),
  }))
  testEarnings(openTyped, (now, maxLines) => postgresEarnings(open(), now, maxLines))
  testPost(openTyped)
  testOutbox(open)
  testInvoices(openTyped)
  testPayouts(openTyped)
  testEscrows(openTyped)
  testLiveAccounts(openTyped)
  testSettlerLease(openTyped)
  testReleases(openTyped)
  testReleaseSweep(openTyped)
  testLiftedSlashes(openTyped)
  testSettlerRows(openTyped)
  // Last, since it asks whether everything that the others posted adds up.
  testLedger(openTyped)
}
