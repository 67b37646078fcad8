import type { ChannelBalanceResponse } from '@lightningpolar/lnd-api/dist/types/lnrpc/ChannelBalanceResponse.js'
import type { GetInfoResponse } from '@lightningpolar/lnd-api/dist/types/lnrpc/GetInfoResponse.js'
import type { PayReq } from '@lightningpolar/lnd-api/dist/types/lnrpc/PayReq.js'
import { NETWORK_PREFIX, type Bolt11Network, type DecodedInvoice } from '../../bolt11/invoice.ts'
import type { ChannelBalance, LightningBackend, NodeInfo } from '../lightning-backend.ts'
import { LightningError } from '../lightning-error.ts'
import { SIMULATED_MARK } from '../simulated-mark.ts'
import { connectLnd, unary, type LndAddress, type LndConnection } from './lnd-connection.ts'
import { LndInvoices } from './lnd-invoices.ts'
import { decodedOrInvalid, LndPayments } from './lnd-payments.ts'

/** LND 0.20 or later, or the simulated one, over gRPC. Connects when first used. */
export function lndBackend(address: LndAddress): LightningBackend {
  const lnd = connectLnd(address)
  const invoices = new LndInvoices(lnd)
  const payments = new LndPayments(lnd)
  const closed = new AbortController()
  const until = (signal?: AbortSignal) =>
    signal === undefined ? closed.signal : AbortSignal.any([closed.signal, signal])
  return {
    info: () => infoOf(lnd),
    balance: () => balanceOf(lnd),
    addInvoice: (request) => invoices.add(request),
    addHoldInvoice: (request) => invoices.addHold(request),
    settle: (preimage) => invoices.settle(preimage),
    cancel: (paymentHash) => invoices.cancel(paymentHash),
    lookupInvoice: (paymentHash) => invoices.lookup(paymentHash),
    watchInvoice: (paymentHash, signal) => invoices.watch(paymentHash, until(signal)),
    watchSettled: (settleIndex, signal) => invoices.watchSettled(settleIndex, until(signal)),
    listInvoices: (addIndex, signal) => invoices.list(addIndex, until(signal)),
    decode: (bolt11) => decodeTwice(lnd, bolt11),
    pay: (order, signal) => payments.pay(order, until(signal)),
    track: (paymentHash, options) =>
      payments.track(paymentHash, { ...options, signal: until(options?.signal) }),
    listPayments: (index, signal) => payments.list(index, until(signal)),
    close: () => {
      closed.abort()
      lnd.close()
    },
  }
}

async function infoOf(lnd: LndConnection): Promise<NodeInfo> {
  const info = await unary<GetInfoResponse>((options, done) =>
    lnd.lightning.GetInfo({}, options, done),
  )
  const network = info.chains[0]?.network ?? ''
  if (!isNetwork(network)) throw new LightningError('internal', `LND is on network '${network}'`)
  return {
    pubkey: info.identityPubkey,
    alias: info.alias,
    version: info.version,
    network,
    blockHeight: info.blockHeight,
    syncedToChain: info.syncedToChain,
    simulated: info.version.includes(SIMULATED_MARK),
  }
}

async function balanceOf(lnd: LndConnection): Promise<ChannelBalance> {
  const balance = await unary<ChannelBalanceResponse>((options, done) =>
    lnd.lightning.ChannelBalance({}, options, done),
  )
  return {
    localMsat: BigInt(balance.localBalance?.msat ?? 0),
    remoteMsat: BigInt(balance.remoteBalance?.msat ?? 0),
    unsettledLocalMsat: BigInt(balance.unsettledLocalBalance?.msat ?? 0),
    unsettledRemoteMsat: BigInt(balance.unsettledRemoteBalance?.msat ?? 0),
  }
}

/** What we read is what the node would pay, or nobody pays it. */
async function decodeTwice(lnd: LndConnection, bolt11: string): Promise<DecodedInvoice> {
  const ours = decodedOrInvalid(bolt11)
  const theirs = await unary<PayReq>((options, done) =>
    lnd.lightning.DecodePayReq({ payReq: bolt11 }, options, done),
  )
  const agree =
    theirs.destination === ours.payee &&
    theirs.paymentHash === ours.paymentHash &&
    BigInt(theirs.numMsat) === (ours.amountMsat ?? 0n) &&
    Number(theirs.timestamp) === ours.timestamp &&
    Number(theirs.expiry) === ours.expirySeconds &&
    Number(theirs.cltvExpiry) === ours.minFinalCltv
  if (!agree) throw new LightningError('conflict', 'LND reads this invoice in another way')
  return ours
}

const isNetwork = (name: string): name is Bolt11Network => name in NETWORK_PREFIX
