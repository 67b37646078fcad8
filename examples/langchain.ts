/* oxlint-disable no-console -- an example prints */
import { ChatOpenAI } from '@langchain/openai'
import { apiKey, model, url } from './connection.ts'

const chat = new ChatOpenAI({
  model,
  temperature: 0,
  apiKey,
  configuration: { baseURL: `${url}/v1` },
})

const answer = await chat.invoke('Count from 3 to 7')
console.log(answer.text)
