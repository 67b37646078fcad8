import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** The way between an agent and its edge, which can be cut; whoever dials again gets through. */
export class SeverableLine {
  readonly #server: Server
  readonly #ends = new Set<Socket>()

  private constructor(port: number) {
    this.#server = createServer((near) => this.#join(near, connect(port, '127.0.0.1')))
  }

  static async to(port: number): Promise<SeverableLine> {
    const line = new SeverableLine(port)
    await once(line.#server.listen(0, '127.0.0.1'), 'listening')
    return line
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Without a goodbye, at both ends. */
  sever(): void {
    for (const end of this.#ends) end.resetAndDestroy()
  }

  close(): void {
    this.#server.close()
    this.sever()
  }

  #join(near: Socket, far: Socket): void {
    for (const [end, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#ends.add(end)
      end.on('error', () => other.destroy())
      end.on('close', () => {
        this.#ends.delete(end)
        other.destroy()
      })
      end.pipe(other)
    }
  }
}
