/** In the version of every simulated node, so that nobody, and no program, mistakes it for a real one. */
export const SIMULATED_MARK = 'SIMULATED'
