import type { DemoTopUp } from './demo-top-up.ts'
import type { Paint } from './request-line.ts'

/** What to paste next, once everything runs. `model` is undefined when there is no provider yet. */
export function readyBlock(
  ready: {
    readonly baseUrl: string
    readonly consoleUrl: string
    readonly apiKey: string
    readonly model: string | undefined
    readonly topUp: DemoTopUp | undefined
  },
  paint: Paint,
): string {
  const { baseUrl, consoleUrl, apiKey, model = 'MODEL' } = ready
  const connect =
    ready.model === undefined
      ? `\n${paint('yellow', 'No provider is connected yet; chat works once one is.')}\n`
      : ''
  return `
${paint(['bold', 'green'], 'Infernet is ready.')}

  base URL  ${paint('cyan', baseUrl)}
  API key   ${paint('cyan', apiKey)}
  model     ${paint('cyan', model)}
  console   ${paint('cyan', consoleUrl)} ${paint('dim', '(balance, top-ups, usage: sign in with the key)')}
${connect}
${paint('dim', '# curl')}
curl -N ${baseUrl}/chat/completions \\
  -H 'Authorization: Bearer ${apiKey}' \\
  -H 'Content-Type: application/json' \\
  -d '{"model": "${model}", "stream": true, "messages": [{"role": "user", "content": "Hello!"}]}'

${paint('dim', '// OpenAI SDK')}
import OpenAI from 'openai'
const client = new OpenAI({ baseURL: '${baseUrl}', apiKey: '${apiKey}' })
const messages = [{ role: 'user', content: 'Hello!' }]
const stream = await client.chat.completions.create({ model: '${model}', messages, stream: true })
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta.content ?? '')
${ready.topUp === undefined ? '' : topUpBlock(ready.topUp, paint)}
${paint('dim', 'Requests appear below. Ctrl-C stops everything.')}
`
}

const topUpBlock = (topUp: DemoTopUp, paint: Paint): string => `
${paint('dim', `# Top up ${topUp.amountSat} sat on SIMULATED Lightning (no real money), in another terminal; the console makes other invoices`)}
npm run pay -- ${topUp.invoice}
`
