/* oxlint-disable no-console -- an example prints */
import OpenAI from 'openai'
import { apiKey, model, url } from './connection.ts'

const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey })

const stream = await openai.chat.completions.create({
  model,
  messages: [{ role: 'user', content: 'Count from 3 to 7' }],
  temperature: 0,
  stream: true,
  stream_options: { include_usage: true },
})
for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta.content ?? '')
  if (chunk.usage) console.log('\n', chunk.usage)
}
