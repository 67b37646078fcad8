import type { Hardware } from '@infernet/schemas/hardware'
import { MAX_CAPABILITY_BYTES, MAX_MODELS_PER_PROVIDER } from '@infernet/schemas/limits'
import { encodeControl, type Capability, type Payout, type Price } from '@infernet/schemas/wire'
import type { Engine } from './engines/engine.ts'
import { AGENT_VERSION } from './version.ts'

/** What an agent is to its edge. */
export type Role = NonNullable<Capability['role']>

/** What the owner says of all that is offered. */
export interface Terms {
  /** Absent: provider. */
  readonly role?: Role
  readonly price: Price
  /** Jobs at once. */
  readonly slots: number
  readonly dataCollection?: Capability['data_collection'] | undefined
  readonly payout?: Payout | undefined
  /** Absent: the owner does not say. */
  readonly hardware?: Hardware | undefined
}

/**
 * What is told to the edge: the engine's models at our terms. What a record cannot hold is left out:
 * first how fast the models are, then models, the last first.
 */
export function capabilityOf(
  engine: Pick<Engine, 'kind' | 'models'>,
  { role, price, slots, dataCollection = 'deny', payout, hardware }: Terms,
): Capability {
  const models = engine.models
    .slice(0, MAX_MODELS_PER_PROVIDER)
    .map(({ id, contextLength, capabilities, endpoints, quantization, spec, tokenBytes }) => ({
      id,
      context_length: contextLength,
      price,
      capabilities: [...capabilities],
      endpoints: [...endpoints],
      ...(quantization === undefined ? {} : { quantization }),
      ...(spec === undefined ? {} : { spec }),
      ...(tokenBytes === undefined ? {} : { token_bytes: tokenBytes }),
    }))
  const record: Capability = {
    ...(role === undefined ? {} : { role }),
    models,
    slots,
    data_collection: dataCollection,
    engine: engine.kind,
    agent: `infernet-agent/${AGENT_VERSION}`,
    ...(hardware === undefined ? {} : { hardware }),
    ...(payout === undefined ? {} : { payout }),
  }
  const isTooLong = (): boolean => encodeControl(record).length > MAX_CAPABILITY_BYTES
  if (hardware?.measured !== undefined && isTooLong()) {
    record.hardware = { ...hardware, measured: undefined }
  }
  while (isTooLong()) models.pop()
  return record
}
