import { formatSat, grouped } from './amounts.ts'
import { explain } from './api-problem.ts'
import type { KeyInfo, UsageDay } from './api-types.ts'
import { byId, element, make, setText, show, tableRow } from './dom.ts'
import type { Card, Session } from './session.ts'
import { byModel, dayBars, sumOf } from './usage-days.ts'

const DAYS = 30
const SVG = 'http://www.w3.org/2000/svg'
/** The chart's size in its own units, as its viewBox has it. */
const [WIDTH, HEIGHT] = [300, 80]
/** What a day without requests is drawn as, so that one sees the days. */
const NONE_HEIGHT = 1.5

/** What this key has spent and may spend, and what its account used. */
export function usageCard({ api }: Session): Card {
  return {
    async refresh() {
      try {
        const [key, days] = await Promise.all([api.keyInfo(), api.usage(DAYS)])
        if (api.signal.aborted) return
        showKey(key)
        showDays(days)
        setText('usage-error', '')
      } catch (error) {
        if (!api.signal.aborted) setText('usage-error', explain(error))
      }
    },
  }
}

function showKey({ key, account, limit, usage_daily }: KeyInfo): void {
  const spent = usage_daily ?? account.spent_today_msat
  const { requests, tokens } = key.requests === null && key.tokens === null ? account : key
  const facts: Record<string, string | undefined> = {
    [usage_daily === null ? 'Account today' : 'This key today']:
      spent === null ? undefined : `${formatSat(BigInt(spent))} sat`,
    'Daily budget': limit === null ? 'none' : `${formatSat(BigInt(limit))} sat`,
    'Requests left this minute': requests === null ? undefined : left(requests),
    'Tokens left this minute': tokens === null ? undefined : left(tokens),
    'Running now': key.open_jobs === null ? undefined : String(key.open_jobs),
  }
  const shown = Object.entries(facts).flatMap(([name, value]) =>
    value === undefined ? [] : [make('div', make('dt', name), make('dd', value))],
  )
  element('key-facts').replaceChildren(...shown)
  show('budget-line', limit !== null)
  if (limit !== null) {
    const budget = byId('budget', HTMLMeterElement)
    budget.max = Number(limit)
    budget.value = Number(spent ?? 0)
  }
}

const left = ({ remaining, limit }: { remaining: number; limit: number }): string =>
  `${grouped(String(remaining))} of ${grouped(String(limit))}`

function showDays(rows: readonly UsageDay[]): void {
  const bars = dayBars(rows, Date.now(), DAYS)
  const step = WIDTH / DAYS
  const drawn = bars.map(({ date, requests, costMsat, share }, index) => {
    const height = Math.max(NONE_HEIGHT, share * HEIGHT)
    const bar = document.createElementNS(SVG, 'rect')
    const place = { x: index * step + 1, y: HEIGHT - height, width: step - 2, height }
    for (const [name, value] of Object.entries(place)) bar.setAttribute(name, value.toFixed(2))
    if (requests === 0) bar.setAttribute('class', 'none')
    const title = document.createElementNS(SVG, 'title')
    title.textContent = `${date}: ${formatSat(costMsat)} sat, ${requests} requests`
    bar.append(title)
    return bar
  })
  const { requests, tokens, costMsat } = sumOf(rows)
  const sum = `${formatSat(costMsat)} sat for ${grouped(String(requests))} requests and ${grouped(String(tokens))} tokens`
  const chart = byId('chart', SVGSVGElement)
  chart.replaceChildren(...drawn)
  chart.setAttribute('aria-label', `Cost by day: ${sum}`)
  setText('usage-sum', requests === 0 ? 'No requests yet.' : `${sum}.`)
  show('models-used', requests > 0)
  element('models-used-rows').replaceChildren(
    ...byModel(rows).map((used) =>
      tableRow(
        used.model,
        grouped(String(used.requests)),
        grouped(String(used.tokens)),
        formatSat(used.costMsat),
      ),
    ),
  )
}
