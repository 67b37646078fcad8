/* oxlint-disable no-console -- an example prints */
import Anthropic from '@anthropic-ai/sdk'
import { apiKey, model, url } from './connection.ts'

// Without `/v1`: this SDK adds it.
const anthropic = new Anthropic({ baseURL: url, apiKey })

const stream = anthropic.messages.stream({
  model,
  max_tokens: 64,
  messages: [{ role: 'user', content: 'Count from 3 to 7' }],
})
stream.on('text', (text) => process.stdout.write(text))
const { stop_reason, usage } = await stream.finalMessage()
console.log(`\n${stop_reason}: ${usage.input_tokens} tokens in, ${usage.output_tokens} out`)
