import { demoModel, parseModelFile } from '../engines/model-file.ts'
import { parseModelAlias } from '../engines/openai-http/model-alias.ts'
import type { AgentFile } from './agent-file.ts'
import { fileAt } from './find-files.ts'
import { serverAt } from './find-servers.ts'
import type { Found, FoundServer } from './found.ts'
import type { PricedModel } from './price-rules.ts'
import { isServerBeside } from './server-beside.ts'

/** What these options sell, and whether it could be seen. */
export interface SoldModels {
  readonly models: readonly PricedModel[]
  /** What the owner should know. */
  readonly note?: string
}

export interface SoldRim {
  readonly found: Found
  /** Of the server. */
  readonly key: string | undefined
  readonly signal: AbortSignal
}

/** The models that an agent with these options would offer. Throws `EngineStartError` for a URL that is none. */
export async function soldModels(options: AgentFile, rim: SoldRim): Promise<SoldModels> {
  const { 'engine-url': url, model } = options
  const names = Array.isArray(model) ? model : model === undefined ? [] : [String(model)]
  if (url === undefined || !isServerBeside(options)) {
    return { models: await fileModels(names, rim.found) }
  }
  const seen = await seenServer(String(url), rim)
  const listed = 'server' in seen ? seen.server.models : []
  const aliases = names.map(parseModelAlias)
  const models =
    aliases.length === 0
      ? listed
      : aliases.map(({ id, engineName }) => {
          const bytes = listed.find(({ name }) => name === engineName)?.bytes
          return { name: id, ...(bytes === undefined ? {} : { bytes }) }
        })
  return { models, ...('note' in seen ? { note: seen.note } : {}) }
}

async function fileModels(names: readonly string[], { files }: Found): Promise<PricedModel[]> {
  const models = names.length === 0 ? [demoModel()] : names.map(parseModelFile)
  return Promise.all(
    models.map(async ({ id, path }) => {
      const file = files.find((one) => one.path === path) ?? (await fileAt(path))
      return { name: id, ...(file === undefined ? {} : { bytes: file.facts.weightBytes }) }
    }),
  )
}

async function seenServer(
  url: string,
  { found, key, signal }: SoldRim,
): Promise<{ readonly server: FoundServer } | { readonly note: string }> {
  const known = found.servers.find((server) => server.url === url)
  if (known !== undefined) return { server: known }
  try {
    return { server: await serverAt({ url, key }, signal) }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'engine_unreachable')) {
      throw error
    }
    return { note: `${error.message}: start it, before or after the agent` }
  }
}
