import { MAX_CAPABILITY_BYTES, MAX_MODELS_PER_PROVIDER } from '@infernet/schemas/limits'
import { encodeControl, type Capability, type Payout, type Price } from '@infernet/schemas/wire'
import type { Engine } from './engines/engine.ts'
import { AGENT_VERSION } from './version.ts'

/**
 * What is told to the edge: the engine's models at our price. Models beyond what a record may hold
 * are left out, the last first.
 */
export function capabilityOf(
  engine: Pick<Engine, 'kind' | 'models'>,
  price: Price,
  slots: number,
  dataCollection: Capability['data_collection'] = 'deny',
  payout?: Payout,
): Capability {
  const models = engine.models
    .slice(0, MAX_MODELS_PER_PROVIDER)
    .map(({ id, contextLength, capabilities, endpoints, quantization }) => ({
      id,
      context_length: contextLength,
      price,
      capabilities: [...capabilities],
      endpoints: [...endpoints],
      ...(quantization === undefined ? {} : { quantization }),
    }))
  const record = {
    models,
    slots,
    data_collection: dataCollection,
    engine: engine.kind,
    agent: `infernet-agent/${AGENT_VERSION}`,
    ...(payout === undefined ? {} : { payout }),
  }
  while (encodeControl(record).length > MAX_CAPABILITY_BYTES) models.pop()
  return record
}
