/* oxlint-disable no-console -- an example prints */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { streamText } from 'ai'
import { apiKey, model, url } from './connection.ts'

const infernet = createOpenAICompatible({
  name: 'infernet',
  baseURL: `${url}/v1`,
  apiKey,
  includeUsage: true,
})

const result = streamText({ model: infernet(model), prompt: 'Count from 3 to 7', temperature: 0 })
for await (const part of result.textStream) process.stdout.write(part)
const { inputTokens, outputTokens } = await result.usage
console.log(`\n${inputTokens} tokens in, ${outputTokens} out`)
