import { Mt19937 } from '../../random/mt19937.ts'

/** Numbers in [0, 1), the same for the same seed. */
export function seeded(seed: number): () => number {
  const twister = new Mt19937(seed)
  return () => twister.uniform()
}
