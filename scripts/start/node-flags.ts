/**
 * V8 lets the young generation grow to 3 × 32 MB, which a busy process then keeps. A small one costs
 * nothing measurable here and keeps the edge and the agent under 200 MB.
 */
export const NODE_FLAGS: readonly string[] = ['--max-semi-space-size=8']
