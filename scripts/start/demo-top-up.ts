/** An invoice for the demo account's credit, on simulated Lightning. */
export interface DemoTopUp {
  readonly id: string
  readonly amountSat: number
  readonly invoice: string
}

/** Some hundred requests to the demo model. */
const AMOUNT_SAT = 1_000

/** Orders an invoice as any client does; undefined when there is none yet, which stops nobody. */
export async function demoTopUp(baseUrl: string, apiKey: string): Promise<DemoTopUp | undefined> {
  const response = await fetch(`${baseUrl}/billing/topups`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ amount_sat: AMOUNT_SAT }),
  })
  if (!response.ok) return undefined
  const { id, invoice } = (await response.json()) as { id: string; invoice?: string | null }
  return typeof invoice === 'string' ? { id, invoice, amountSat: AMOUNT_SAT } : undefined
}
