import { asking, showing, type Cheat } from './cheat.ts'

const HOTTER = 1.6
/** More is refused. */
const HOTTEST = 2

/** Draws at another temperature than it was asked for, and says that it was that one. */
export const hot: Cheat = (honest) => ({
  begin(request, sink) {
    let asked: unknown
    const hotter = asking(request, (body) => {
      asked = body['temperature']
      return typeof asked === 'number'
        ? { ...body, temperature: Math.min(HOTTEST, HOTTER * asked) }
        : body
    })
    return showing(honest.begin(hotter, sink), (evidence) =>
      typeof asked === 'number'
        ? { ...evidence, sampler: { ...evidence.sampler, temperature: asked } }
        : evidence,
    )
  },
})
