/** The clock of both ends of an agent, which are in one process: monotonic, in µs with fractions. */
export const nowUs = (): number => performance.now() * 1_000
