import type { Fact } from './fact.ts'

/** Prices, holds, payouts and Lightning. */
export const MONEY_FACTS: readonly Fact[] = [
  {
    questions: [
      'How do providers earn?',
      'How are providers paid?',
      'How do providers make money?',
      'How do providers get paid?',
      'What do providers get?',
      'How much do providers earn?',
      'How can I make money?',
      'When are providers paid?',
      'How do I get paid?',
      'How do I earn money?',
      'How do I earn sats?',
      'How do payments work?',
      'When do I get paid?',
      'How do payouts work?',
      'Explain payments.',
    ],
    answer:
      'Every finished job earns the provider millisatoshi. After verification passes the earnings become payable and are paid out over Lightning.',
    short: 'Over Lightning, after verification.',
    word: 'Lightning',
  },
  {
    term: 'a msat',
    questions: [
      'What is msat?',
      'What is a millisatoshi?',
      'What are msats?',
      'How much is one msat?',
    ],
    answer:
      'A msat is a millisatoshi: one thousandth of a satoshi. All amounts in Infernet are whole msat.',
    short: 'One thousandth of a satoshi.',
    word: 'Millisatoshi',
  },
  {
    term: 'a sat',
    questions: [
      'What is a satoshi?',
      'What are sats?',
      'How big is a sat?',
      'How much is one sat?',
    ],
    answer: 'A sat, or satoshi, is one hundred millionth of a bitcoin. It has 1000 msat.',
    short: 'One hundred millionth of a bitcoin.',
    word: 'Satoshi',
  },
  {
    term: 'a hold',
    questions: ['What does a hold do?', 'Why is money reserved?', 'What is a reservation?'],
    answer:
      'A hold reserves the highest possible cost of a request before it runs, so that it can always be paid.',
    short: 'Money reserved before a request runs.',
    word: 'Reservation',
  },
  {
    term: 'a capture',
    questions: ['What does capture do?', 'When am I charged?', 'When do I pay?'],
    answer: 'A capture takes the real cost out of a hold when the answer has been delivered.',
    short: 'It takes the real cost.',
    word: 'Charge',
  },
  {
    term: 'a release',
    questions: ['What does release do?', 'What happens to the rest of a hold?'],
    answer: 'A release gives the unused rest of a hold back to the customer.',
    short: 'It gives back the rest.',
    word: 'Refund',
  },
  {
    questions: [
      'What does it cost?',
      'How much does it cost?',
      'What are the prices?',
      'How much is a request?',
      'Is it expensive?',
      'How are prices set?',
    ],
    answer:
      'Providers set prices in msat per token. You pay for delivered tokens only, and nothing when no token arrived.',
    short: 'You pay per delivered token.',
  },
  {
    term: 'the fee',
    questions: [
      'What are the fees?',
      'How high is the fee?',
      'How much is the fee?',
      'What fee does Infernet take?',
      'What does the platform keep?',
    ],
    answer:
      'The platform keeps 50 to 200 basis points, that is half a percent to two percent, and the provider gets the rest.',
    short: '50 to 200 basis points.',
  },
  {
    term: 'a basis point',
    questions: ['What is bps?', 'What does bps mean?'],
    answer: 'A basis point, or bps, is one hundredth of a percent.',
    short: 'One hundredth of a percent.',
  },
  {
    term: 'Lightning',
    questions: [
      'What is the Lightning network?',
      'Why Lightning?',
      'Do you use bitcoin?',
      'Why do you use Lightning?',
    ],
    answer:
      'Lightning is a network for instant, tiny bitcoin payments. Infernet uses it for deposits and payouts.',
    short: 'Instant, tiny bitcoin payments.',
    word: 'Bitcoin',
  },
  {
    term: 'an invoice',
    questions: ['What are invoices?'],
    answer: 'An invoice is a Lightning payment request. It names an amount and a payment hash.',
    short: 'A Lightning payment request.',
  },
  {
    term: 'a hold invoice',
    questions: ['How do hold invoices work?'],
    answer:
      'A hold invoice locks a Lightning payment until the receiver settles it with the preimage or cancels it.',
    short: 'A payment locked until it settles.',
  },
  {
    term: 'a preimage',
    questions: ['What is a payment hash?'],
    answer:
      'A preimage is the secret whose hash is in the invoice. Showing it proves that a payment went through.',
    short: 'The secret behind a payment hash.',
    word: 'Secret',
  },
  {
    term: 'escrow',
    questions: ['Who holds the money?', 'How does escrow work?'],
    answer:
      'Escrow locks the payment for large work first and pays it out shard by shard as results are verified.',
    short: 'Money locked until work is verified.',
  },
  {
    term: 'the settler',
    questions: ['What does the settler do?'],
    answer:
      'The settler is a daemon beside the Lightning node. It dials out to the edge and carries out deposits and payouts.',
    short: 'It carries out payouts.',
  },
  {
    term: 'settlement',
    questions: ['How does settlement work?', 'When is a job settled?'],
    answer:
      'Settlement turns receipts into ledger entries and, after verification, into Lightning payouts.',
    short: 'Receipts become payouts.',
  },
  {
    term: 'the ledger',
    questions: ['How is money recorded?', 'Is there a ledger?'],
    answer:
      'The ledger is double-entry: every posting sums to zero, in whole msat, and nothing is ever overwritten.',
    short: 'Double-entry books in msat.',
  },
  {
    term: 'LND',
    questions: ['Do I need LND?', 'Which Lightning node is used?'],
    answer:
      'LND is the Lightning node that moves real sats. On your machine a simulated one stands in for it.',
    short: 'A Lightning node.',
    word: 'Node',
  },
  {
    questions: [
      'How do I add money?',
      'How do I top up?',
      'How do I deposit?',
      'How do I add credit?',
      'How do I buy credits?',
      'How do I pay?',
    ],
    answer:
      'Ask for a deposit invoice in the console, pay it over Lightning, and the balance grows at once.',
    short: 'Pay a Lightning invoice.',
  },
  {
    questions: [
      'Can I get a refund?',
      'What if the answer is bad?',
      'Do I pay for failed requests?',
      'Do I pay for errors?',
    ],
    answer:
      'Requests that deliver no token cost nothing, and answers that fail verification are refunded.',
    short: 'Failed requests cost nothing.',
  },
  {
    questions: [
      'Is the money real?',
      'Is this real bitcoin?',
      'Do I need bitcoin to try it?',
      'Are the payments real?',
      'Is it play money?',
    ],
    answer:
      'On your machine the money is play money from a simulated Lightning node. In production it is real.',
    short: 'On your machine it is play money.',
  },
]
