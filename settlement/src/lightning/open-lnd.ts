import type { LightningBackend } from './lightning-backend.ts'
import type { LndAddress } from './lnd/lnd-connection.ts'

/** The backend for a real LND. gRPC takes a good part of a second to load, so only who uses it does. */
export async function openLnd(address: LndAddress): Promise<LightningBackend> {
  const { lndBackend } = await import('./lnd/lnd-backend.ts')
  return lndBackend(address)
}
