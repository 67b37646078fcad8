import { z } from 'zod'
import {
  collect,
  connectEngine,
  type EngineConnection,
} from '../engines/openai-http/engine-connection.ts'
import { SERVER_TRAITS, type ServerKind } from '../engines/openai-http/engine-kinds.ts'
import { probe } from '../engines/openai-http/probe.ts'
import type { UsualPort } from './engine-ports.ts'
import type { FoundServer, ServedModel } from './found.ts'

/** On this machine a server answers in milliseconds, and a busy one within this. */
const ANSWER_MS = 2_000
/** Of Ollama's list: some 500 bytes a model. */
const MAX_SIZES_BYTES = 1024 * 1024

const sizesSchema = z.object({
  models: z.array(z.object({ name: z.string(), size: z.int().positive() })),
})

/** The servers that answer at these ports of this machine, in their order. Ends soon after `signal`; never rejects. */
export async function findServers(
  ports: readonly UsualPort[],
  signal: AbortSignal,
): Promise<FoundServer[]> {
  const found = ports.map(async (port) => {
    const url = `http://127.0.0.1:${port.port}`
    return serverAt({ url, key: undefined, usual: port }, signal).catch(() => undefined)
  })
  return (await Promise.all(found)).filter((server) => server !== undefined)
}

export interface ServerAddress {
  readonly url: string
  readonly key: string | undefined
  readonly usual?: UsualPort
}

/** What a server says of itself. Rejects with `ProbeError`, and `EngineStartError` for a URL that is none. */
export async function serverAt(
  { url, key, usual }: ServerAddress,
  signal: AbortSignal,
): Promise<FoundServer> {
  const until = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)])
  const connection = endingWith(connectEngine(url, key), until)
  const listed = await probe(connection)
  const sizes = usual?.sizes === undefined ? NO_SIZES : await sizesAt(connection, usual.sizes)
  return {
    name: nameOf(listed.kind, usual),
    url,
    kind: SERVER_TRAITS[listed.kind].speaks,
    isLoaded: SERVER_TRAITS[listed.kind].isLoaded,
    models: listed.models.map(({ name }): ServedModel => {
      const bytes = sizes.get(name)
      return { name, ...(bytes === undefined ? {} : { bytes }) }
    }),
  }
}

const nameOf = (kind: ServerKind, usual: UsualPort | undefined): string =>
  kind === 'unknown' && usual !== undefined ? usual.name : SERVER_TRAITS[kind].name

/** The same, whose requests end with the signal. */
function endingWith(connection: EngineConnection, signal: AbortSignal): EngineConnection {
  return {
    ...connection,
    request(options) {
      const request = connection.request(options)
      const stop = (): void => void request.destroy(new Error('does not answer'))
      if (signal.aborted) stop()
      signal.addEventListener('abort', stop)
      return request.on('close', () => signal.removeEventListener('abort', stop))
    },
  }
}

const NO_SIZES: ReadonlyMap<string, number> = new Map()

/** Bytes by name; none where the server does not tell. */
function sizesAt(engine: EngineConnection, path: string): Promise<ReadonlyMap<string, number>> {
  const { promise, resolve } = Promise.withResolvers<ReadonlyMap<string, number>>()
  const request = engine.request({
    path,
    isBeside: true,
    onResponse(response) {
      response.on('error', () => resolve(NO_SIZES))
      collect(response, MAX_SIZES_BYTES, (body) => resolve(sizesIn(body?.toString() ?? '')))
    },
  })
  request.on('error', () => resolve(NO_SIZES))
  return promise
}

function sizesIn(text: string): ReadonlyMap<string, number> {
  try {
    const { models } = sizesSchema.parse(JSON.parse(text))
    return new Map(models.map(({ name, size }) => [name, size]))
  } catch {
    return NO_SIZES
  }
}
