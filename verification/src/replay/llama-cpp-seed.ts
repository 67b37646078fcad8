/** llama.cpp takes this seed for "any": nobody can say what was drawn with it. */
export const LLAMA_CPP_RANDOM_SEED = 0xffff_ffff

/** The 32 bits of a seed that reach llama.cpp: on the way it is a JavaScript number. */
export const llamaCppSeed = (seed: bigint): number => Number(seed) >>> 0
