import type {
  Engine,
  EngineRequest,
  EngineRun,
  EngineSink,
  Evidence,
} from '@infernet/provider-agent/engines/engine'
import type { Scorer } from '@infernet/provider-agent/engines/score-order'
import type { ModelSpec } from '@infernet/schemas/model-spec'

/** The engine as it is, which the cheat may use. */
export interface HonestEngine extends Pick<Engine, 'begin'> {
  readonly score: Scorer
  /** What is promised. */
  readonly spec: ModelSpec
}

/** What a cheat has in place of the engine. */
export interface CheatingEngine extends Pick<Engine, 'begin'>, Partial<Pick<Engine, 'close'>> {}

/** A way of cheating. */
export type Cheat = (honest: HonestEngine) => CheatingEngine | Promise<CheatingEngine>

/** What of a started engine answers. */
type Answering = Required<Pick<Engine, 'begin' | 'close' | 'score'>> & Pick<Engine, 'models'>

/** From now on the engine answers as the cheat does; it announces the same. */
export async function corrupt(engine: Answering, cheat: Cheat): Promise<void> {
  const spec = engine.models[0]?.spec
  if (spec === undefined || engine.score === undefined) throw new Error('It promises nothing')
  const close = engine.close.bind(engine)
  const [begin, score] = [engine.begin.bind(engine), engine.score.bind(engine)]
  const cheating = await cheat({ begin, score, spec })
  engine.begin = cheating.begin
  engine.close = async () => {
    await cheating.close?.()
    await close()
  }
}

/** A run that shows something else. */
export const showing = (run: EngineRun, change: (evidence: Evidence) => Evidence): EngineRun => ({
  ...run,
  evidence() {
    const evidence = run.evidence?.()
    return evidence && change(evidence)
  },
})

/** A request whose body says something else. */
export function asking(
  request: EngineRequest,
  change: (body: Record<string, unknown>) => Record<string, unknown>,
): EngineRequest {
  const body = JSON.parse(Buffer.from(request.body).toString()) as Record<string, unknown>
  return { ...request, body: Buffer.from(JSON.stringify(change(body))) }
}

/** Where an answer's bytes are changed on their way. Whole events and documents come in one piece. */
export const writing = (sink: EngineSink, change: (text: string) => string): EngineSink => ({
  data: (bytes) => sink.data(Buffer.from(change(Buffer.from(bytes).toString()))),
  finish: (reason) => sink.finish(reason),
  fail: (error) => sink.fail(error),
})
