import type { Fact } from './fact.ts'

/** Roles, jobs and engines. */
export const NETWORK_FACTS: readonly Fact[] = [
  {
    term: 'the edge',
    questions: ['What is an edge?', 'What does the edge do?'],
    answer:
      'The edge is the public API server. It checks the key, turns a request into a job, finds a provider and streams the answer back.',
    short: 'The public API server.',
    word: 'Gateway',
  },
  {
    term: 'the hub',
    questions: ['What is a hub?', 'What does the hub do?'],
    answer:
      'A hub holds the sockets of many providers, knows their live load, and hands each job to the best one.',
    short: 'It matches jobs and providers.',
  },
  {
    term: 'the Account',
    questions: ['What does the Account do?', 'What is an Account object?', 'Where is my balance?'],
    answer:
      'The Account keeps the live balance of one customer: it places holds, captures the cost, and releases the rest.',
    short: 'It keeps your balance.',
  },
  {
    term: 'a provider',
    questions: [
      'Who are the providers?',
      'What does a provider do?',
      'Who runs the model?',
      'Who computes my answer?',
    ],
    answer:
      'A provider is someone who lends a GPU. Their agent runs the model with llama.cpp or vLLM and streams tokens back through the edge.',
    short: 'Someone who lends a GPU.',
  },
  {
    term: 'a provider agent',
    questions: ['What is the agent?', 'What does the agent do?', 'What is infernet-agent?'],
    answer:
      'The agent is the program on a provider machine. It opens one WebSocket to the edge, takes jobs, runs them on its engine, and signs receipts.',
    short: 'The program a provider runs.',
  },
  {
    questions: [
      'How do I run an agent?',
      'How do I become a provider?',
      'How do I share my GPU?',
      'How do I offer my GPU?',
      'How do I start the agent?',
      'How can I provide a GPU?',
      'How do I lend my GPU?',
      'How do I run a provider?',
      'How can I become a provider?',
      'I have a GPU, what now?',
      'How do I join with my GPU?',
      'How do I connect my machine?',
      'What is the command for the agent?',
    ],
    answer:
      'Run infernet-agent run --edge URL --engine llama-cpp. It makes a key, connects to the edge and waits for jobs.',
    short: 'Run infernet-agent run --edge URL.',
  },
  {
    questions: [
      'Do I need to open a port?',
      'Does it work behind NAT?',
      'Do I need a public IP?',
      'How does the agent connect?',
    ],
    answer:
      'No open port is needed. The agent dials out with one WebSocket, so it works behind NAT.',
    short: 'No open port is needed.',
    word: 'No',
  },
  {
    term: 'an aggregator',
    questions: ['What does the aggregator do?', 'What are aggregators?'],
    answer:
      'An aggregator splits large work into shards, spreads them over providers, checks the results and merges them.',
    short: 'It splits and merges large work.',
  },
  {
    term: 'a shard',
    questions: ['What are shards?', 'What is sharding?'],
    answer: 'A shard is one piece of a large job, small enough for one provider to do alone.',
    short: 'One piece of a large job.',
    word: 'Piece',
  },
  {
    term: 'a job',
    questions: ['What are jobs?', 'What happens to my request?'],
    answer:
      'A job is one request on its way: the edge makes it, a provider runs it, and it ends with done or error.',
    short: 'One request on its way.',
    word: 'Request',
  },
  {
    term: 'a lease',
    questions: ['What are leases?', 'What happens when a provider dies?'],
    answer:
      'A lease gives a job to one provider. If that provider is lost, the job gets a new lease and frames of the old one are ignored.',
    short: 'A job given to one provider.',
  },
  {
    term: 'an attempt',
    questions: ['What is a job attempt?'],
    answer:
      'An attempt is one try to run a job on one provider. Before the first token the edge may try another one.',
    short: 'One try to run a job.',
    word: 'Try',
  },
  {
    term: 'matching',
    questions: [
      'How is a provider chosen?',
      'How are providers selected?',
      'Who gets my job?',
      'How does routing work?',
    ],
    answer:
      'The hub filters providers by model, price and free slots, prefers one that has your prompt cached, and weighs the rest by score.',
    short: 'By model, price and score.',
  },
  {
    questions: [
      'What happens if a provider fails?',
      'What if a provider goes offline?',
      'What happens on a failure?',
      'What if the provider crashes?',
    ],
    answer:
      'Before the first token the edge tries another provider. After it, the answer goes on elsewhere or ends with an error, never silently.',
    short: 'The edge tries another provider.',
  },
  {
    term: 'an engine',
    questions: [
      'Which engines are there?',
      'What engines do you support?',
      'Which engine should I use?',
    ],
    answer:
      'An engine runs the model: llama-cpp is built in, tiny is plain TypeScript, and openai-http talks to vLLM, llama-server or Ollama.',
    short: 'The part that runs the model.',
  },
  {
    term: 'llama.cpp',
    questions: ['What is llama-cpp?', 'Do you use llama.cpp?'],
    answer: 'llama.cpp runs GGUF models on a CPU or GPU. It is the default engine of the agent.',
    short: 'An engine for GGUF models.',
    word: 'Engine',
  },
  {
    term: 'vLLM',
    questions: ['Can I use vLLM?', 'How do I use vLLM?', 'Does Infernet work with vLLM?'],
    answer:
      'vLLM is a fast engine for large GPUs. Start it as usual and point the agent at it with --engine openai-http.',
    short: 'A fast engine for large GPUs.',
    word: 'Engine',
  },
  {
    term: 'the tiny engine',
    questions: ['What is tiny?', 'What does the tiny engine do?'],
    answer:
      'The tiny engine runs small llama models in plain TypeScript, for machines without native code and for tests.',
    short: 'Llama in plain TypeScript.',
  },
  {
    term: 'GGUF',
    questions: ['What is a GGUF file?', 'Which model format do you use?'],
    answer:
      'GGUF is the file format of llama.cpp models: weights, tokenizer and chat template in one file.',
    short: 'A model file format.',
    word: 'Format',
  },
  {
    term: 'a capability',
    questions: ['What does a provider announce?', 'What are capabilities?'],
    answer:
      'Capabilities are what a provider announces: its models, context length, price and free slots.',
    short: 'What a provider can do.',
  },
  {
    term: 'libp2p',
    questions: [
      'Is there a DHT?',
      'How do nodes find each other?',
      'How does discovery work?',
      'Is it peer to peer?',
    ],
    answer:
      'libp2p is the peer layer: aggregators keep a Kademlia table, providers publish their models there, and clients can reach them without us.',
    short: 'The peer layer.',
  },
  {
    term: 'a Durable Object',
    questions: ['What are Durable Objects?'],
    answer:
      'A Durable Object is a small stateful worker on Cloudflare. Infernet has two kinds: the Hub and the Account.',
    short: 'A stateful worker.',
  },
  {
    questions: [
      'Where does Infernet run?',
      'How do I deploy it?',
      'Can I host it myself?',
      'Does it run on Cloudflare?',
      'How do I self-host?',
    ],
    answer:
      'The same core runs on Cloudflare Workers and on plain Node, so you can deploy it or host it yourself.',
    short: 'On Cloudflare or on Node.',
  },
  {
    questions: [
      'Which database does it use?',
      'What database is used?',
      'Does it use Postgres?',
      'Where is the data stored?',
    ],
    answer:
      'Postgres holds the ledger, receipts and verdicts: Neon in production, PGlite on your machine.',
    short: 'Postgres.',
    word: 'Postgres',
  },
  {
    questions: [
      'What is a campaign?',
      'What is a training campaign?',
      'Can Infernet train models?',
      'Does it support training?',
      'How does training work?',
    ],
    answer:
      'A training campaign is split into rounds: providers compute gradients on shards and the aggregator averages them.',
    short: 'Providers compute, the aggregator averages.',
  },
  {
    term: 'the console',
    questions: ['Is there a dashboard?', 'Where do I see my bill?', 'Is there a web page?'],
    answer:
      'The console is the web page of the edge. It shows usage, balance, receipts and providers.',
    short: 'The web page of the edge.',
  },
]
