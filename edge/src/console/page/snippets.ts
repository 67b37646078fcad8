const PROMPT = [{ role: 'user', content: 'Hello!' }]

/** A text as one word of a shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

/** The key stays where its owner has it: in the environment. */
export const curlSnippet = (
  baseUrl: string,
  model: string,
): string => `curl -N ${baseUrl}/chat/completions \\
  -H "Authorization: Bearer $INFERNET_KEY" \\
  -H 'Content-Type: application/json' \\
  -d ${quoted(JSON.stringify({ model, stream: true, messages: PROMPT }))}`

export const sdkSnippet = (baseUrl: string, model: string): string => `import OpenAI from 'openai'
const client = new OpenAI({
  baseURL: ${JSON.stringify(baseUrl)},
  apiKey: process.env.INFERNET_KEY,
})
const answer = await client.chat.completions.create({
  model: ${JSON.stringify(model)},
  messages: [{ role: 'user', content: 'Hello!' }],
})
console.log(answer.choices[0].message.content)`
