import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { onTestFinished } from 'vitest'
import type { OtlpAttribute, OtlpSpan } from '../telemetry/otlp-span.ts'

interface ExportRequest {
  readonly path: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly resource: readonly OtlpAttribute[]
  readonly spans: readonly OtlpSpan[]
}

/** An answer of the collector. */
interface Reply {
  readonly status?: number
  readonly headers?: Record<string, string>
  readonly body?: string
}

/** An OTLP collector on loopback that remembers what it was sent. */
export class Collector {
  readonly requests: ExportRequest[] = []
  /** What it answers next, then after that; 200 when there is nothing left. */
  readonly replies: Reply[] = []
  url = ''
  #arrived = Promise.withResolvers<void>()

  get spans(): OtlpSpan[] {
    return this.requests.flatMap(({ spans }) => spans)
  }

  /** Resolves once `count` requests have come. */
  async received(count: number): Promise<void> {
    while (this.requests.length < count) await this.#arrived.promise
  }

  static async start(): Promise<Collector> {
    const collector = new Collector()
    const server = createServer(async (request, response) => {
      const { resourceSpans } = JSON.parse(await text(request))
      const { status = 200, headers = {}, body = '{}' } = collector.replies.shift() ?? {}
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body)
      const [{ resource, scopeSpans }] = resourceSpans
      collector.requests.push({
        path: request.url,
        headers: request.headers,
        resource: resource.attributes,
        spans: scopeSpans[0].spans,
      })
      collector.#arrived.resolve()
      collector.#arrived = Promise.withResolvers()
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    collector.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    return collector
  }
}

/** The value of a span's attribute, whatever its type. */
export function attributeOf({ attributes }: Pick<OtlpSpan, 'attributes'>, key: string): unknown {
  const value = attributes.find((attribute) => attribute.key === key)?.value
  return value && Object.values(value)[0]
}
