import { MAX_MODELS_PER_PROVIDER } from '@infernet/schemas/limits'
import { modelOfferSchema } from '@infernet/schemas/wire'
import { fitFile, type FilePlan } from './fit-file.ts'
import type { Found, FoundFile, FoundServer, Runner, ServedModel } from './found.ts'

/** What could answer here, and so what could be earned with. */
export type Choice =
  | {
      readonly kind: 'server'
      readonly server: FoundServer
      readonly models: readonly ServedModel[]
      /** Whatever it lists is offered, now and later. Never of one that loads what is asked for. */
      readonly isAll: boolean
    }
  | {
      readonly kind: 'file'
      readonly file: FoundFile
      readonly runner: Runner
      readonly plan: FilePlan
    }
  | { readonly kind: 'demo'; readonly engine: 'llama-cpp' | 'tiny' }

/**
 * The largest model for where each token takes long: reading its weights from main memory, at some
 * 40 GB a second, gives eight tokens a second.
 */
const MAX_SLOW_BYTES = 5e9

/**
 * All that this machine could do, the best first: what runs already, then the largest file that fits,
 * at last the demo model, which is always there. Nothing that does not fit, and no model twice in one.
 */
export function choicesFrom(found: Found): [Choice, ...Choice[]] {
  const demo: Choice = { kind: 'demo', engine: found.hasLlamaCpp ? 'llama-cpp' : 'tiny' }
  const [first = demo, ...rest] = [...serverChoices(found), ...fileChoices(found)]
  return first === demo ? [demo] : [first, ...rest, demo]
}

/** Servers whose answers can be audited earn more. */
const RANK: readonly FoundServer['kind'][] = ['openai', 'llama-server', 'vllm']

function serverChoices({ servers, memoryBytes }: Found): Choice[] {
  return servers
    .toSorted(
      (a, b) =>
        RANK.indexOf(b.kind) - RANK.indexOf(a.kind) || Number(b.isLoaded) - Number(a.isLoaded),
    )
    .flatMap((server) => {
      const usable = usableModels(server, memoryBytes)
      // One that loads what is asked for would do nothing else with several.
      const models = server.isLoaded ? usable : usable.toSorted(bySize).slice(0, 1)
      if (models.length === 0) return []
      const isAll = server.isLoaded && models.length === server.models.length
      return [{ kind: 'server', server, models, isAll }]
    })
}

function usableModels({ models }: FoundServer, memoryBytes: number): ServedModel[] {
  const byName = new Map(models.map((model) => [model.name, model]))
  return [...byName.values()]
    .filter(({ name }) => isOfferable(name))
    .filter(({ bytes }) => bytes === undefined || bytes <= memoryBytes)
    .slice(0, MAX_MODELS_PER_PROVIDER)
}

/** What its server does not tell the size of keeps its place, after the others. */
const bySize = (a: ServedModel, b: ServedModel): number => (b.bytes ?? 0) - (a.bytes ?? 0)

/** On a command line `NAME=ENGINE-NAME` would be something else. */
const isOfferable = (name: string): boolean =>
  !name.includes('=') && modelOfferSchema.shape.id.safeParse(name).success

function fileChoices({ files, runners }: Found): Choice[] {
  const choices = files.flatMap((file) => {
    for (const runner of runners) {
      const plan = fitFile(file, runner)
      if (plan !== undefined) return [{ kind: 'file', file, runner, plan } as const]
    }
    return []
  })
  return choices.toSorted((a, b) => {
    const [slowA, slowB] = [isTooSlow(a), isTooSlow(b)]
    if (slowA !== slowB) return slowA ? 1 : -1
    const larger = b.file.facts.weightBytes - a.file.facts.weightBytes
    return slowA ? -larger : larger
  })
}

const isTooSlow = ({ file, plan }: { file: FoundFile; plan: FilePlan }): boolean =>
  !plan.isFast && file.facts.weightBytes > MAX_SLOW_BYTES
