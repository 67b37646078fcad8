import { DEFAULT_SLOTS } from '../limits.ts'
import type { AgentFile, AgentFileEntry } from './agent-file.ts'
import type { Choice } from './proposal.ts'

/** The options of `run` that a choice comes to. */
export function optionsOfChoice(choice: Choice): AgentFile {
  if (choice.kind === 'demo') return { engine: choice.engine }
  if (choice.kind === 'server') {
    const { isAll, models, server } = choice
    // Of others nobody asks it.
    const isAudited = server.kind === 'vllm' || server.kind === 'llama-server'
    const { backend } = server
    return {
      'engine-url': server.url,
      ...(backend === undefined || !isAudited ? {} : { 'spec-backend': backend }),
      ...(isAll ? {} : { model: models.map(({ name }) => name) }),
    }
  }
  const { file, plan, runner } = choice
  const how: AgentFile =
    runner.engine === 'llama-server'
      ? {
          manage: 'llama-server',
          ...(runner.program === undefined ? {} : { 'engine-program': runner.program }),
        }
      : { engine: 'llama-cpp' }
  const { context, slots } = plan
  // Unsaid the agent begins with so many, and finds out what it does well.
  const fewer = slots < DEFAULT_SLOTS ? { slots } : {}
  return { ...how, model: [`${file.id}=${file.path}`], context, ...fewer }
}

/** An entry of the file that is, or was, there. */
export interface Change {
  readonly option: string
  readonly before?: AgentFileEntry
  readonly after?: AgentFileEntry
}

/** What is different in the second file, by the options' names. */
export function changesBetween(before: AgentFile, after: AgentFile): Change[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  return names
    .filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]))
    .map((option) => {
      const [old, now] = [before[option], after[option]]
      return {
        option,
        ...(old === undefined ? {} : { before: old }),
        ...(now === undefined ? {} : { after: now }),
      }
    })
}
