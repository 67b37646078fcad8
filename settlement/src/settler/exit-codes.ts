/** What `infernet-settler` ends with. */
export const EXIT = {
  ok: 0,
  failure: 1,
  /** An option or a file has to be set right first. */
  usage: 2,
  /** Another settler has the lease: start again, and wait for it. */
  leaseLost: 75,
} as const
