import { testAccounts } from './conformance/accounts.ts'
import { testAudits } from './conformance/audits.ts'
import { testBilling } from './conformance/billing.ts'
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
import { testProviders } from './conformance/providers.ts'
import { testReceipts } from './conformance/receipts.ts'
import { testResponses } from './conformance/responses.ts'
import { settlerActs } from './conformance/settler-acts.ts'
import { postgresAudits } from './audits.ts'
import { postgresPricedJobs } from './priced-jobs.ts'
import { postgresBilling } from './billing.ts'
import { openDatabase } from '@infernet/settlement/db/database'
import type { DbPort } from '@infernet/settlement/db/db-port'
import { testReleases } from '@infernet/settlement/settler/release-conformance'
import { testSettlerRows } from '@infernet/settlement/settler/settler-rows-conformance'
import { testSettlerLease } from '@infernet/settlement/settler/lease-conformance'

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
  testPost(openTyped)
  testOutbox(open)
  testInvoices(openTyped)
  testPayouts(openTyped)
  testEscrows(openTyped)
  testLiveAccounts(openTyped)
  testSettlerLease(openTyped)
  testReleases(openTyped)
  testSettlerRows(openTyped)
  // Last, since it asks whether everything that the others posted adds up.
  testLedger(openTyped)
}
