import { Server, ServerCredentials } from '@grpc/grpc-js'
import { lndProtos } from '../lnd/lnd-protos.ts'
import type { LndAddress } from '../lnd/lnd-connection.ts'
import { selfSignedCertificate, type SelfSignedCertificate } from '../self-signed-certificate.ts'
import { SIMULATED_MARK } from '../simulated-mark.ts'
import type { CallGuard } from './sim-calls.ts'
import { SimFaults } from './sim-faults.ts'
import { ADMIN, authorize, bake } from './sim-macaroons.ts'
import type { SimNetwork, SimNode } from './sim-network.ts'
import { invoicesService } from './sim-invoices-service.ts'
import { lightningService } from './sim-lightning-service.ts'
import { routerService, stateService } from './sim-router-service.ts'

/** One simulated node behind gRPC and TLS on loopback, as LND would be. */
export class SimServer {
  readonly node: SimNode
  readonly faults = new SimFaults()
  readonly #network: SimNetwork
  readonly #tls: SelfSignedCertificate
  #server: Server | undefined
  #stopping = new AbortController()
  #port = 0

  constructor(network: SimNetwork, node: SimNode) {
    this.#network = network
    this.node = node
    this.#tls = selfSignedCertificate(`${node.alias} ${SIMULATED_MARK}`, new Date())
  }

  get socket(): string {
    return `127.0.0.1:${this.#port}`
  }

  /** Where it listens, with a macaroon for the methods named: by default for all. */
  address(uris: readonly string[] = ADMIN): LndAddress {
    return {
      socket: this.socket,
      certificate: this.#tls.certificate,
      macaroon: bake(this.node.state, uris),
    }
  }

  /** Listens; after {@link stop} again on the same port. */
  async start(): Promise<void> {
    const { lnrpc, invoicesrpc, routerrpc } = lndProtos()
    this.#stopping = new AbortController()
    const guard: CallGuard = {
      faults: this.faults,
      stopped: this.#stopping.signal,
      authorize: (metadata, uri) => {
        const macaroon = metadata.get('macaroon')[0]
        authorize(this.node.state, macaroon?.toString(), uri, this.#network.now())
      },
    }
    const server = new Server()
    server.addService(lnrpc.Lightning.service, lightningService(this.#network, this.node, guard))
    server.addService(invoicesrpc.Invoices.service, invoicesService(this.node, guard))
    server.addService(routerrpc.Router.service, routerService(this.node, guard))
    server.addService(lnrpc.State.service, stateService())
    this.#server = server
    this.#port = await this.#bind(server)
  }

  /** Ends every connection at once, as a kill would. The node's records stay. */
  stop(): void {
    this.#stopping.abort()
    this.#server?.forceShutdown()
    this.#server = undefined
  }

  async #bind(server: Server): Promise<number> {
    const key = Buffer.from(this.#tls.privateKey)
    const chain = Buffer.from(this.#tls.certificate)
    const credentials = ServerCredentials.createSsl(null, [{ cert_chain: chain, private_key: key }])
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    server.bindAsync(`127.0.0.1:${this.#port}`, credentials, (error, port) => {
      if (error === null) resolve(port)
      else reject(error)
    })
    return await promise
  }
}
