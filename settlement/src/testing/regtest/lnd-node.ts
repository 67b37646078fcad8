import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { PaymentOrder } from '../../lightning/lightning-backend.ts'
import { openLnd } from '../../lightning/open-lnd.ts'
import { connectLnd, unary } from '../../lightning/lnd/lnd-connection.ts'
import type { LndAddress, LndConnection } from '../../lightning/lnd/lnd-connection.ts'
import type { BakeMacaroonResponse } from '@lightningpolar/lnd-api/dist/types/lnrpc/BakeMacaroonResponse.js'
import type { ChannelPoint } from '@lightningpolar/lnd-api/dist/types/lnrpc/ChannelPoint.js'
import type { ConnectPeerResponse } from '@lightningpolar/lnd-api/dist/types/lnrpc/ConnectPeerResponse.js'
import type { GetInfoResponse } from '@lightningpolar/lnd-api/dist/types/lnrpc/GetInfoResponse.js'
import type { GetStateResponse } from '@lightningpolar/lnd-api/dist/types/lnrpc/GetStateResponse.js'
import type { ListChannelsResponse } from '@lightningpolar/lnd-api/dist/types/lnrpc/ListChannelsResponse.js'
import type { NewAddressResponse } from '@lightningpolar/lnd-api/dist/types/lnrpc/NewAddressResponse.js'
import type { WalletBalanceResponse } from '@lightningpolar/lnd-api/dist/types/lnrpc/WalletBalanceResponse.js'
import { RPC_PASSWORD, RPC_USER } from './bitcoin-chain.ts'
import { Daemon, freePort } from './daemon.ts'

/** Opening waits for the peer's answers. */
const OPEN_DEADLINE_MS = 60_000

export interface BtcdAddress {
  readonly port: number
  readonly certificateFile: string
}

/** A real LND on regtest, with all that a test does to it and no backend does. */
export class LndNode {
  readonly name: string
  readonly daemon: Daemon
  readonly #dir: string
  readonly #rpcPort: number
  readonly #peerPort: number
  #connection: LndConnection | undefined
  #pubkey = ''

  static async start(
    program: string,
    run: string,
    name: string,
    btcd: BtcdAddress,
  ): Promise<LndNode> {
    const ports = { rpc: await freePort(), peer: await freePort(), rest: await freePort() }
    return new LndNode(program, run, name, btcd, ports)
  }

  private constructor(
    program: string,
    run: string,
    name: string,
    btcd: BtcdAddress,
    ports: { rpc: number; peer: number; rest: number },
  ) {
    this.name = name
    this.#dir = join(run, name)
    this.#rpcPort = ports.rpc
    this.#peerPort = ports.peer
    const args = [
      `--lnddir=${this.#dir}`,
      `--alias=${name}`,
      '--bitcoin.regtest',
      '--bitcoin.node=btcd',
      `--btcd.rpchost=127.0.0.1:${btcd.port}`,
      `--btcd.rpcuser=${RPC_USER}`,
      `--btcd.rpcpass=${RPC_PASSWORD}`,
      `--btcd.rpccert=${btcd.certificateFile}`,
      `--rpclisten=127.0.0.1:${ports.rpc}`,
      `--restlisten=127.0.0.1:${ports.rest}`,
      `--listen=127.0.0.1:${ports.peer}`,
      '--noseedbackup',
      '--nobootstrap',
      '--accept-keysend',
      // What takes minutes on a real network takes moments here.
      '--bitcoin.defaultchanconfs=1',
      '--trickledelay=50',
      '--gossip.sub-batch-delay=5ms',
      '--db.batch-commit-interval=10ms',
      '--caches.rpc-graph-cache-duration=100ms',
    ]
    this.daemon = new Daemon(name, program, args, join(run, `${name}.log`))
  }

  get pubkey(): string {
    return this.#pubkey
  }

  get #lnd(): LndConnection {
    this.#connection ??= connectLnd(this.address())
    return this.#connection
  }

  /** With the admin's macaroon, or the one given. */
  address(macaroon?: string): LndAddress {
    return {
      socket: `127.0.0.1:${this.#rpcPort}`,
      certificate: readFileSync(join(this.#dir, 'tls.cert'), 'utf8'),
      macaroon: macaroon ?? readFileSync(this.#macaroonFile).toString('hex'),
    }
  }

  get #macaroonFile(): string {
    return join(this.#dir, 'data/chain/bitcoin/regtest/admin.macaroon')
  }

  async untilReady(): Promise<void> {
    await this.daemon.until('its files', async () => existsSync(this.#macaroonFile))
    await this.daemon.until('its start', async () => {
      const { state } = await unary<GetStateResponse>((options, done) =>
        this.#lnd.state.GetState({}, options, done),
      )
      return state === 'SERVER_ACTIVE'
    })
    await this.daemon.until('its sync', async () => {
      const info = await unary<GetInfoResponse>((options, done) =>
        this.#lnd.lightning.GetInfo({}, options, done),
      )
      this.#pubkey = info.identityPubkey
      return info.syncedToChain
    })
  }

  async newAddress(): Promise<string> {
    const { address } = await unary<NewAddressResponse>((options, done) =>
      this.#lnd.lightning.NewAddress({ type: 'WITNESS_PUBKEY_HASH' }, options, done),
    )
    return address
  }

  async untilFunded(): Promise<void> {
    await this.daemon.until('its funds', async () => {
      const { confirmedBalance } = await unary<WalletBalanceResponse>((options, done) =>
        this.#lnd.lightning.WalletBalance({}, options, done),
      )
      return BigInt(confirmedBalance) > 0n
    })
  }

  /** Opens a channel in which the peer gets `pushSat` of it; a block has to be mined then. */
  async openChannel(peer: LndNode, amountSat: bigint, pushSat: bigint): Promise<void> {
    const addr = { pubkey: peer.pubkey, host: `127.0.0.1:${peer.#peerPort}` }
    await unary<ConnectPeerResponse>((options, done) =>
      this.#lnd.lightning.ConnectPeer({ addr, timeout: '30' }, options, done),
    )
    const request = {
      nodePubkey: Buffer.from(peer.pubkey, 'hex'),
      localFundingAmount: String(amountSat),
      pushSat: String(pushSat),
      targetConf: 1,
    }
    await unary<ChannelPoint>(
      (options, done) => this.#lnd.lightning.OpenChannelSync(request, options, done),
      OPEN_DEADLINE_MS,
    )
  }

  async untilChannel(peer: LndNode): Promise<void> {
    await this.daemon.until(`its channel with ${peer.name}`, async () => {
      const { channels } = await unary<ListChannelsResponse>((options, done) =>
        this.#lnd.lightning.ListChannels({ activeOnly: true }, options, done),
      )
      return channels.some((channel) => channel.remotePubkey === peer.pubkey)
    })
  }

  /** An open channel is of use only when the router knows it too: that is seen by paying. */
  async untilPays(peer: LndNode): Promise<void> {
    const backend = await openLnd(this.address())
    const order: PaymentOrder = {
      to: {
        kind: 'keysend',
        pubkey: peer.pubkey,
        preimage: randomBytes(32).toString('hex'),
        amountMsat: 1_000n,
      },
      feeLimitMsat: 0n,
      timeoutSeconds: 10,
      cltvLimit: 1008,
      maxParts: 1,
    }
    try {
      await this.daemon.until(`its payment to ${peer.name}`, async () => {
        const { status } = await backend.pay(order)
        return status === 'succeeded'
      })
    } finally {
      backend.close()
    }
  }

  /** Nothing is under way in its channels any more: a payment that has succeeded is not in a balance at once. */
  async untilQuiet(): Promise<void> {
    await this.daemon.until('its payments to arrive', async () => {
      const { channels } = await unary<ListChannelsResponse>((options, done) =>
        this.#lnd.lightning.ListChannels({}, options, done),
      )
      return channels.every(({ pendingHtlcs }) => pendingHtlcs.length === 0)
    })
  }

  /** A macaroon for some methods only: what an operator gives the settler. */
  async bake(uris: readonly string[]): Promise<string> {
    const permissions = uris.map((action) => ({ entity: 'uri', action }))
    const { macaroon } = await unary<BakeMacaroonResponse>((options, done) =>
      this.#lnd.lightning.BakeMacaroon({ permissions }, options, done),
    )
    return macaroon
  }

  async stop(): Promise<void> {
    this.#connection?.close()
    await this.daemon.stop()
  }
}
