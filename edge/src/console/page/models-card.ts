import { grouped, satPerMillion } from './amounts.ts'
import { explain } from './api-problem.ts'
import { element, setText, show, tableRow } from './dom.ts'
import type { Card, Session } from './session.ts'
import { curlSnippet, sdkSnippet } from './snippets.ts'

/** Where nobody serves anything, programs show this. */
const ANY_MODEL = 'auto'

/** What is served at what price, and how to ask for it. */
export function modelsCard({ api }: Session): Card {
  const baseUrl = `${location.origin}/v1`
  const explainUse = (model: string): void => {
    setText('base-url', baseUrl)
    setText('curl', curlSnippet(baseUrl, model))
    setText('sdk', sdkSnippet(baseUrl, model))
  }
  explainUse(ANY_MODEL)
  return {
    async refresh() {
      try {
        const models = await api.models()
        if (api.signal.aborted) return
        show('models', models.length > 0)
        show('no-models', models.length === 0)
        const rows = models.map(({ id, context_length, pricing: { prompt, completion } }) =>
          tableRow(
            id,
            grouped(String(context_length)),
            satPerMillion(prompt),
            satPerMillion(completion),
          ),
        )
        element('models-rows').replaceChildren(...rows)
        explainUse(models[0]?.id ?? ANY_MODEL)
        setText('models-error', '')
      } catch (error) {
        if (!api.signal.aborted) setText('models-error', explain(error))
      }
    },
  }
}
