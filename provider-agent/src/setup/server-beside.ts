import type { AgentFile } from './agent-file.ts'

/** Whether a server beside the agent answers, so that `model` names what it has and no files. */
export const isServerBeside = ({ engine, 'engine-url': url }: AgentFile): boolean =>
  engine === undefined ? url !== undefined : engine === 'openai-http'
