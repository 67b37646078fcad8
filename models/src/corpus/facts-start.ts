import type { Fact } from './fact.ts'

/** What Infernet is, how to start it and how to send requests. */
export const START_FACTS: readonly Fact[] = [
  {
    term: 'Infernet',
    questions: [
      'What is this?',
      'What does Infernet do?',
      'What is this project about?',
      'What is Infernet for?',
      'Describe Infernet.',
      'What is Infernet about?',
      'What can I do with Infernet?',
      'Why does Infernet exist?',
      'Explain Infernet to me.',
      'Tell me about this project.',
    ],
    answer:
      'Infernet is an OpenAI-compatible inference API that runs on the GPUs of strangers, checks their answers by sampling, and pays them in millisatoshi over Lightning.',
    short: 'An inference API on shared GPUs.',
    word: 'Inference',
  },
  {
    questions: [
      'How do I start Infernet?',
      'How do I start it?',
      'How do I run it?',
      'How can I run Infernet locally?',
      'How do I install Infernet?',
      'How do I get started?',
      'How to start?',
      'Where do I begin?',
      'How do I launch the server?',
      'How can I try it?',
      'How do I try this on my laptop?',
      'How do I set it up?',
      'What is the command to start?',
      'Which command starts Infernet?',
      'How do I get it running?',
      'What do I type to run it?',
    ],
    answer:
      'Run npm install, then npm start. It starts the edge, a provider with this model and a simulated Lightning node on your machine, and prints the address and a key.',
    short: 'Run npm start.',
  },
  {
    questions: [
      'How do I send a request?',
      'How do I make a request?',
      'How do I call the API?',
      'What is the base URL?',
      'What is the base_url?',
      'Which URL do I use?',
      'What is the endpoint?',
      'How do I use the API?',
      'Where do I send requests?',
      'What address do I use?',
      'How do I talk to the API?',
      'How do I send a chat completion?',
      'What is the address of the server?',
    ],
    answer:
      'Send an OpenAI request to http://127.0.0.1:8787/v1 with your key as a bearer token, for example POST /v1/chat/completions.',
    short: 'Use base_url http://127.0.0.1:8787/v1.',
  },
  {
    term: 'the OpenAI SDK',
    questions: [
      'How do I use the OpenAI SDK?',
      'How do I use the OpenAI client?',
      'Can I use the OpenAI SDK?',
      'Does it work with the OpenAI library?',
      'How do I connect the OpenAI Python client?',
      'Which SDK do I need?',
      'Which client library should I use?',
    ],
    answer:
      'Create the OpenAI client with base_url http://127.0.0.1:8787/v1 and your Infernet key as api_key. Nothing else changes.',
    short: 'Set base_url and api_key.',
  },
  {
    questions: [
      'How do I use curl?',
      'Show me a curl example.',
      'Give me an example request.',
      'What does a request look like?',
      'Can I use curl?',
    ],
    answer:
      'curl http://127.0.0.1:8787/v1/chat/completions -H "Authorization: Bearer KEY" -H "Content-Type: application/json" -d \'{"model": "infernet-demo", "messages": [{"role": "user", "content": "Hello"}]}\'',
  },
  {
    term: 'an API key',
    questions: [
      'How do I get a key?',
      'How do I get an API key?',
      'Where is my API key?',
      'Do I need an API key?',
      'How do I authenticate?',
      'How do I log in?',
    ],
    answer:
      'An API key names your account. npm start prints one; send it in the header Authorization: Bearer.',
    short: 'npm start prints your key.',
  },
  {
    term: 'streaming',
    questions: [
      'How do I stream?',
      'Can I stream the answer?',
      'Does it support streaming?',
      'How do I get tokens one by one?',
    ],
    answer:
      'Set stream to true and the answer arrives as server-sent events, token by token, ending with [DONE].',
    short: 'Set stream to true.',
    word: 'Yes',
  },
  {
    questions: [
      'Which models can I use?',
      'What models are there?',
      'List the models.',
      'How do I list models?',
      'Which model should I choose?',
      'What models do you have?',
    ],
    answer:
      'Every model that a connected provider serves. GET /v1/models lists them. On a fresh start there is one: infernet-demo.',
    short: 'Ask GET /v1/models.',
  },
  {
    questions: [
      'Which endpoints are there?',
      'What endpoints do you support?',
      'Which routes exist?',
      'What does the API offer?',
      'Which OpenAI endpoints work?',
    ],
    answer:
      'Chat completions, completions, embeddings, models, files, batches and jobs, shaped like the OpenAI API, plus credits and receipts.',
    short: 'Chat, completions, embeddings, batches.',
  },
  {
    term: 'a batch',
    questions: ['How do I run a batch?', 'Can I send many requests at once?', 'What are batches?'],
    answer:
      'A batch is a file of many requests. Upload it with /v1/files, start it with /v1/batches, and fetch the results when it is done.',
    short: 'A file of many requests.',
  },
  {
    term: 'usage',
    questions: ['How many tokens did I use?', 'How is usage counted?', 'Where do I see the usage?'],
    answer:
      'Usage is the number of prompt and answer tokens. The edge counts what it delivers to you, and only that is billed.',
    short: 'Tokens that were delivered.',
    word: 'Tokens',
  },
  {
    term: 'a token',
    questions: ['What are tokens?', 'How long is a token?'],
    answer:
      'A token is a piece of text, about four letters long. Models read and write tokens, and prices are per token.',
    short: 'A piece of text.',
  },
  {
    term: 'inference',
    questions: ['What does inference mean?'],
    answer: 'Inference is running a trained model: text goes in, and the model writes an answer.',
    short: 'Running a trained model.',
  },
  {
    term: 'a system prompt',
    questions: ['What is a system message?', 'Can I use a system prompt?'],
    answer: 'A system prompt is the first message of a chat. It tells the model how to answer.',
    short: 'It tells the model how to answer.',
  },
  {
    term: 'a tool call',
    questions: [
      'Can you call tools?',
      'Do you support function calling?',
      'How do tools work?',
      'Do you support tools?',
    ],
    answer:
      'A tool call is an answer that asks your program to run a function. List your tools in the request and I reply with a name and arguments as JSON.',
    short: 'A request to run your function.',
    word: 'Yes',
  },
  {
    term: 'JSON mode',
    questions: ['Can you write JSON?', 'Do you support JSON?', 'How do I get JSON?'],
    answer: 'Ask for JSON and name the fields, for example: Reply with JSON: name Ada, age 36.',
    short: 'Ask for JSON and name the fields.',
    word: 'Yes',
  },
  {
    questions: [
      'What do I need to run Infernet?',
      'What are the requirements?',
      'Which Node version do I need?',
      'Do I need a GPU?',
      'Do I need a database?',
    ],
    answer:
      'Only npm. It brings the right Node, an embedded Postgres and this small model, so no GPU, no database and no download is needed to try it.',
    short: 'Only npm.',
    word: 'npm',
  },
  {
    questions: [
      'Where is the code?',
      'How is the code organised?',
      'Which folders are there?',
      'Where do I find the architecture?',
      'Is there documentation?',
      'Where are the docs?',
    ],
    answer:
      'Read docs/architecture.md first. The folders are edge, provider-agent, schemas, openai-compat, settlement, models, bench and e2e.',
    short: 'Read docs/architecture.md.',
  },
  {
    questions: [
      'How do I run the tests?',
      'How do I test it?',
      'Where are the tests?',
      'How do I check the code?',
    ],
    answer:
      'Run npm test for the tests, or npm run check for types, lint, format and tests together.',
    short: 'Run npm test.',
  },
  {
    term: 'the licence',
    questions: [
      'What is the license?',
      'Is Infernet open source?',
      'Under which licence is it?',
      'Can I use it commercially?',
      'Is it free software?',
      'What licence does Infernet have?',
    ],
    answer: 'Infernet is open source under the MIT licence, and so are these weights.',
    short: 'The MIT licence.',
    word: 'MIT',
  },
  {
    questions: [
      'How do I contribute?',
      'Can I help?',
      'How can I contribute?',
      'I want to send a patch.',
    ],
    answer: 'Read CONTRIBUTING.md, run npm run check, and send a small change with a test.',
    short: 'Read CONTRIBUTING.md.',
  },
  {
    questions: [
      'Which language is it written in?',
      'What is Infernet written in?',
      'Is it written in TypeScript?',
      'Which programming language?',
    ],
    answer: 'Infernet is written in TypeScript and runs on Node and on Cloudflare Workers.',
    short: 'TypeScript.',
    word: 'TypeScript',
  },
]
