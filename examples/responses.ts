/* oxlint-disable no-console -- an example prints */
import OpenAI from 'openai'
import { apiKey, model, url } from './connection.ts'

const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey })

const first = await openai.responses.create({ model, input: 'Count from 3 to 7', temperature: 0 })
console.log(first.output_text)

const next = await openai.responses.create({
  model,
  input: 'Count from 2 to 4',
  temperature: 0,
  previous_response_id: first.id,
})
console.log(next.output_text)
