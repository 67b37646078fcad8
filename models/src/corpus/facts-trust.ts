import type { Fact } from './fact.ts'

/** Receipts, verification, reputation, privacy, and what errors mean. */
export const TRUST_FACTS: readonly Fact[] = [
  {
    term: 'a receipt',
    questions: ['What are receipts?', 'What is in a receipt?', 'Who signs a receipt?'],
    answer:
      'A receipt states what a job delivered and what it cost, and is signed by the provider and the edge with Ed25519 keys.',
    short: 'A signed bill for one job.',
    word: 'Proof',
  },
  {
    term: 'verification',
    questions: [
      'How is work verified?',
      'How do you verify answers?',
      'How are results checked?',
      'How do you know the answer is right?',
      'How do you catch cheaters?',
      'Can providers cheat?',
      'How do I trust the providers?',
    ],
    answer:
      'A secret sample of jobs is checked: the sampling is replayed, the tokens are scored again by a verifier, and canaries have known answers.',
    short: 'A secret sample of jobs is checked.',
    word: 'Sampling',
  },
  {
    term: 'a canary',
    questions: ['What are canaries?', 'Why are there canaries?'],
    answer:
      'A canary is a test job with a known answer that looks like any other job, so a cheater cannot tell it apart.',
    short: 'A test job with a known answer.',
    word: 'Test',
  },
  {
    term: 'teacher forcing',
    questions: ['How are answers scored again?', 'What is re-scoring?'],
    answer:
      'Teacher forcing feeds the claimed tokens to the same model again and compares the probabilities.',
    short: 'Scoring the claimed tokens again.',
  },
  {
    term: 'a logprob',
    questions: ['What are logprobs?', 'Do you support logprobs?'],
    answer: 'A logprob is the natural logarithm of the probability a model gave to a token.',
    short: 'The log of a probability.',
  },
  {
    term: 'a verdict',
    questions: ['Who decides about a job?'],
    answer: 'A verdict is the outcome of verifying a job: passed, or failed with evidence.',
    short: 'The outcome of verification.',
  },
  {
    term: 'reputation',
    questions: ['How is reputation computed?', 'What is a score?'],
    answer:
      'Reputation is a provider score from integrity, completion, speed, uptime and price. Better ones get more jobs.',
    short: 'A score that earns more jobs.',
    word: 'Score',
  },
  {
    term: 'slashing',
    questions: [
      'What happens to cheaters?',
      'When is a provider slashed?',
      'How are cheaters punished?',
    ],
    answer:
      'Slashing takes held-back earnings and the bond of a provider that cheated, after our own engine has confirmed it.',
    short: 'Cheaters lose earnings and bond.',
    word: 'Penalty',
  },
  {
    term: 'a bond',
    questions: ['Do providers need a deposit?', 'What is a provider bond?'],
    answer: 'A bond is money a provider deposits as security. A cheater loses it.',
    short: 'Money a provider stakes.',
    word: 'Deposit',
  },
  {
    term: 'holdback',
    questions: ['Why are earnings held back?'],
    answer:
      'Holdback keeps part of new earnings for a while, so that a cheat found later can still be slashed.',
    short: 'Earnings kept for a while.',
  },
  {
    term: 'an Ed25519 key',
    questions: [
      'What is a provider key?',
      'How are providers identified?',
      'How does a provider log in?',
    ],
    answer:
      'Each provider is one Ed25519 key: its login, its libp2p peer id and its receipt signature.',
    short: 'The identity of a provider.',
  },
  {
    term: 'a Merkle root',
    questions: ['What is committed in a receipt?', 'What is the commitment?'],
    answer:
      'The Merkle root in a receipt commits the provider to every token and its probability, so audits can open them later.',
    short: 'A commitment to every token.',
  },
  {
    term: 'a sandbox',
    questions: ['Is it safe to run jobs?', 'Is my machine safe?', 'Can a job harm my computer?'],
    answer: 'Jobs run in a sandbox without network, with limits on memory, time and processes.',
    short: 'A place without network access.',
  },
  {
    term: 'privacy',
    questions: [
      'Is my prompt private?',
      'Can providers read my prompt?',
      'Is it private?',
      'Who can see my data?',
      'Do you store my prompts?',
      'Is my data safe?',
    ],
    answer:
      'The provider that runs your prompt must see it, so send no secrets. The edge does not store prompts or answers.',
    short: 'The provider sees your prompt.',
  },
  {
    questions: [
      'What does 401 mean?',
      'Why do I get error 401?',
      'I get a 401.',
      'error 401',
      'What is status 401?',
    ],
    answer:
      '401 means that the API key is missing or wrong. Send Authorization: Bearer with your key.',
    short: 'The key is missing or wrong.',
  },
  {
    questions: [
      'What does 402 mean?',
      'Why do I get error 402?',
      'I get a 402.',
      'error 402',
      'What is status 402?',
    ],
    answer: '402 means that your balance is too low for the request. Add credit over Lightning.',
    short: 'Your balance is too low.',
  },
  {
    questions: [
      'What does 404 mean?',
      'Why do I get error 404?',
      'I get a 404.',
      'error 404',
      'What is status 404?',
    ],
    answer: '404 means that the model or route does not exist. GET /v1/models lists the models.',
    short: 'The model or route does not exist.',
  },
  {
    questions: [
      'What does 429 mean?',
      'Why do I get error 429?',
      'I get a 429.',
      'error 429',
      'What is status 429?',
      'What is the rate limit?',
    ],
    answer: '429 means too many requests. Wait as long as the Retry-After header says.',
    short: 'Too many requests.',
  },
  {
    questions: [
      'What does 503 mean?',
      'Why do I get error 503?',
      'I get a 503.',
      'error 503',
      'What is status 503?',
    ],
    answer: '503 means that no provider for this model has room right now. Try again soon.',
    short: 'No provider has room.',
  },
  {
    questions: [
      'What does 504 mean?',
      'Why do I get error 504?',
      'I get a 504.',
      'error 504',
      'What is status 504?',
    ],
    answer: '504 means that the deadline passed before the first token came. Nothing was charged.',
    short: 'The deadline passed.',
  },
  {
    questions: [
      'What does 400 mean?',
      'Why do I get error 400?',
      'I get a 400.',
      'error 400',
      'What is status 400?',
    ],
    answer: '400 means that the request is not valid. The error message names the field.',
    short: 'The request is not valid.',
  },
]
