import { request } from 'node:https'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import type { IncomingMessage } from 'node:http'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { p2wpkh, Transaction } from '@scure/btc-signer'

/** A throw-away key: blocks are mined to it, and their coins spent from here, without a wallet. */
const MINER_KEY = Uint8Array.from({ length: 32 }, (_, index) => (index === 31 ? 1 : 0))
const REGTEST = { bech32: 'bcrt', pubKeyHash: 0x6f, scriptHash: 0xc4, wif: 0xef }
const MINER = p2wpkh(secp256k1.getPublicKey(MINER_KEY, true), REGTEST)
export const MINER_ADDRESS = MINER.address ?? ''

/** Segwit and taproot are active from 432 on with the btcd that LND 0.21 wants; coins ripen after 100. */
const FIRST_BLOCKS = 450
const FEE_SAT = 10_000n
const SAT_PER_BITCOIN = 1e8
export const RPC_USER = 'dev'
export const RPC_PASSWORD = 'dev'
const RPC_TIMEOUT_MS = 60_000

/** btcd's JSON-RPC, as far as a test needs a chain. */
export class BitcoinChain {
  readonly #port: number
  readonly #certificate: () => string

  /** `certificate` is read when it is needed: btcd writes it at its first start. */
  constructor(port: number, certificate: () => string) {
    this.#port = port
    this.#certificate = certificate
  }

  async height(): Promise<number> {
    return (await this.#call('getblockcount')) as number
  }

  async mine(blocks: number): Promise<void> {
    await this.#call('generate', blocks)
  }

  /** Mines what every wallet on it needs to be of use. */
  async begin(): Promise<void> {
    await this.mine(FIRST_BLOCKS)
  }

  /** Sends `amountSat` to each address out of the first block's reward, and confirms it. */
  async fund(addresses: readonly string[], amountSat: bigint): Promise<void> {
    const hash = (await this.#call('getblockhash', 1)) as string
    const block = (await this.#call('getblock', hash, 1)) as { tx: [string] }
    const [txid] = block.tx
    const { vout } = (await this.#call('getrawtransaction', txid, 1)) as {
      vout: [{ value: number }]
    }
    const reward = BigInt(Math.round(vout[0].value * SAT_PER_BITCOIN))
    const transaction = new Transaction()
    transaction.addInput({ txid, index: 0, witnessUtxo: { script: MINER.script, amount: reward } })
    for (const address of addresses) transaction.addOutputAddress(address, amountSat, REGTEST)
    const change = reward - amountSat * BigInt(addresses.length) - FEE_SAT
    transaction.addOutputAddress(MINER_ADDRESS, change, REGTEST)
    transaction.sign(MINER_KEY)
    transaction.finalize()
    await this.#call('sendrawtransaction', transaction.hex)
    await this.mine(6)
  }

  async #call(method: string, ...params: readonly unknown[]): Promise<unknown> {
    const outgoing = request({
      host: '127.0.0.1',
      port: this.#port,
      method: 'POST',
      auth: `${RPC_USER}:${RPC_PASSWORD}`,
      ca: this.#certificate(),
      headers: { 'content-type': 'application/json' },
      signal: AbortSignal.timeout(RPC_TIMEOUT_MS),
    })
    outgoing.end(JSON.stringify({ jsonrpc: '1.0', id: 1, method, params }))
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
    const { result, error } = JSON.parse(await text(response)) as {
      result: unknown
      error: { message: string } | null
    }
    if (error !== null) throw new Error(`btcd ${method}: ${error.message}`)
    return result
  }
}
