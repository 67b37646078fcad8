// LND's own protocol, read from @lightningpolar/lnd-api: its .proto files and the types made from them.
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { loadPackageDefinition } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import type { ProtoGrpcType as InvoicesProto } from '@lightningpolar/lnd-api/dist/types/invoices.js'
import type { ProtoGrpcType as RouterProto } from '@lightningpolar/lnd-api/dist/types/router.js'
import type { ProtoGrpcType as StateProto } from '@lightningpolar/lnd-api/dist/types/stateservice.js'

/** Only what is used: all of LND's services would take a second to parse. */
const FILES = [
  'lightning.proto',
  'invoicesrpc/invoices.proto',
  'routerrpc/router.proto',
  'stateservice.proto',
]

/** 64-bit numbers are strings: none of them may ever be a `number`. */
const OPTIONS = { longs: String, enums: String, defaults: true, oneofs: true }

export type LndProtos = InvoicesProto & RouterProto & StateProto

let loaded: LndProtos | undefined

export function lndProtos(): LndProtos {
  if (loaded !== undefined) return loaded
  const manifest = createRequire(import.meta.url).resolve('@lightningpolar/lnd-api/package.json')
  const folder = join(dirname(manifest), 'protos')
  const definition = loadSync(FILES, { ...OPTIONS, includeDirs: [folder] })
  loaded = loadPackageDefinition(definition) as unknown as LndProtos
  return loaded
}
