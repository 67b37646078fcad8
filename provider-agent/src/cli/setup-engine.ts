import { resolve } from 'node:path'
import { parseModelFile } from '../engines/model-file.ts'
import { parseModelAlias } from '../engines/openai-http/model-alias.ts'
import type { AgentFile } from '../setup/agent-file.ts'
import { optionsOfChoice } from '../setup/chosen-options.ts'
import { fileAt } from '../setup/find-files.ts'
import type { Found } from '../setup/found.ts'
import { choicesFrom, type Choice } from '../setup/proposal.ts'
import { ENGINE_HEADS, groupOf } from './agent-file-options.ts'
import type { Asking } from './setup-answers.ts'
import { choiceText, entriesText } from './setup-text.ts'

/** The options that say what answers: what is there, made whole, or what the owner chooses of what was found. */
export async function engineAnswer(asking: Asking, found: Found): Promise<AgentFile> {
  const { questions, said, start } = asking
  const current = engineEntries(start)
  const choices = choicesFrom(found)
  const hasHead = ENGINE_HEADS.some((name) => name in current)
  const isFixed = said.has('model') || ENGINE_HEADS.some((name) => said.has(name))
  if (questions === undefined || isFixed) {
    const whole = hasHead ? managedChoice(current, choices) : await headFor(current, found, choices)
    return { ...whole, ...current }
  }
  // Such as --slots beside what is chosen.
  const fixed = Object.entries(current).filter(([name]) => said.has(name))
  const answers = choices.map((choice) => ({
    value: { ...optionsOfChoice(choice), ...Object.fromEntries(fixed) },
    label: choiceText(choice),
  }))
  const kept = hasHead ? [{ value: current, label: `as now: ${entriesText(current)}` }] : []
  return questions.choose('What is to answer?', [...kept, ...answers])
}

/** Whether the options of both name the same engine and models. */
export function sameEngine(one: AgentFile, other: AgentFile): boolean {
  const [first, second] = [engineEntries(one), engineEntries(other)]
  return [...ENGINE_HEADS, 'model'].every(
    (name) => JSON.stringify(first[name]) === JSON.stringify(second[name]),
  )
}

/** Of options, those that say what answers. */
const engineEntries = (options: AgentFile): AgentFile => groupOf(options, 'engine')

/** `--manage llama-server` without a model: the best file that was found. */
function managedChoice(current: AgentFile, choices: readonly Choice[]): AgentFile {
  if (current['manage'] !== 'llama-server' || current['model'] !== undefined) return {}
  const best = choices.find((choice) => choice.kind === 'file')
  return best?.runner.engine === 'llama-server' ? optionsOfChoice(best) : {}
}

/** What could run the models that are named, or the best of all where none is. */
async function headFor(
  { model }: AgentFile,
  found: Found,
  choices: readonly [Choice, ...Choice[]],
): Promise<AgentFile> {
  if (!Array.isArray(model)) return optionsOfChoice(choices[0])
  const names = model.map((one) => parseModelAlias(one).engineName)
  const server = found.servers.find(({ models }) =>
    names.every((name) => models.some((served) => served.name === name)),
  )
  if (server !== undefined) return { 'engine-url': server.url }
  const [first = '', ...more] = model
  const file = more.length === 0 ? await fileAt(resolve(parseModelFile(first).path)) : undefined
  if (file === undefined) return {}
  const [best] = choicesFrom({ ...found, servers: [], files: [file] })
  return best.kind === 'file' ? optionsOfChoice(best) : {}
}
