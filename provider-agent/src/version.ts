/** The agent's version, as told to the edge and by `infernet-agent version`. */
export const AGENT_VERSION = '0.1.0'
