import { specIdOf } from '@infernet/schemas/model-spec'
import { commitmentsOf, type Claim } from '@infernet/schemas/transcript'
import type { Evidence } from '../engines/engine.ts'

/** What a receipt says about an answer, without showing it. */
export const claimOf = ({ spec, replay, sampler, kept_only, transcript }: Evidence): Claim => ({
  spec: specIdOf(spec),
  replay,
  sampler,
  kept_only,
  ...commitmentsOf(transcript),
})
