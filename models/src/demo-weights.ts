/** The demo model's GGUF file, which comes with the repository and with the agent's package. */
export const DEMO_WEIGHTS = new URL('../weights/infernet-demo.gguf', import.meta.url)
