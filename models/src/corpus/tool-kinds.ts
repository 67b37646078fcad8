import type { Random } from '../prng.ts'
import { chance, integer, pick } from './choice.ts'
import { CITIES, commonWord, inventedWord, NAMES, properNoun, THINGS } from './words.ts'

/** A tool, questions that need it, and what it may answer. `{slot}` is copied from the question. */
export type ToolKind = {
  readonly names: readonly string[]
  readonly descriptions: readonly string[]
  readonly slots: readonly Slot[]
  readonly questions: readonly string[]
  readonly result: (random: Random, values: Values) => { content: string; answer: string }
}

export type Slot = {
  /** The placeholder in questions. */
  readonly slot: string
  /** Names the parameter may have. */
  readonly keys: readonly string[]
  readonly value: (random: Random) => string | number
}

type Values = Readonly<Record<string, string | number>>

const SKIES = ['sunny', 'cloudy', 'rainy', 'foggy', 'windy', 'clear', 'snowy']
const LANGUAGES = ['French', 'German', 'Spanish', 'Italian', 'Polish', 'Dutch', 'Greek']
const CURRENCIES = ['EUR', 'USD', 'GBP', 'JPY', 'CHF', 'BTC', 'SEK']
const city: Slot = {
  slot: 'city',
  keys: ['city', 'city', 'location', 'place', 'town'],
  value: (random) => properNoun(random, CITIES),
}
const person: Slot = {
  slot: 'name',
  keys: ['name', 'to', 'person', 'user', 'recipient'],
  value: (random) => properNoun(random, NAMES),
}
const topic: Slot = {
  slot: 'topic',
  keys: ['query', 'text', 'q', 'topic', 'term', 'title'],
  value: (random) =>
    chance(random, 0.5) ? `${commonWord(random)} ${commonWord(random)}` : commonWord(random),
}
const number = (slot: string, keys: readonly string[], high: number): Slot => ({
  slot,
  keys,
  value: (random) => integer(random, 1, high),
})

/** A result told in one sentence, as text or as a JSON object. */
export function told(random: Random, key: string, value: string | number, sentence: string) {
  const text = chance(random, 0.5) ? `${value}` : `{"${key}": ${JSON.stringify(value)}}`
  return { content: text, answer: sentence }
}

/** Tools as people write them. */
export const TOOL_KINDS: readonly ToolKind[] = [
  {
    names: [
      'get_weather',
      'get_weather',
      'get_current_weather',
      'weather',
      'lookup_weather',
      'get_forecast',
    ],
    descriptions: [
      'Get the weather in a city.',
      'Get the current weather.',
      'Weather for a place.',
      'Get current weather for a location.',
    ],
    slots: [city],
    questions: [
      'What is the weather in {city}?',
      'How is the weather in {city}?',
      'Weather in {city}',
      'Is it raining in {city}?',
      'Do I need an umbrella in {city}?',
      'How warm is it in {city}?',
      "What's the weather like in {city}?",
      'What is the weather in {city} today?',
      'Tell me the weather in {city}.',
    ],
    result: (random, { city: place }) => {
      const sky = pick(random, SKIES)
      const degrees = integer(random, 1, 35)
      const answer = `It is ${sky} in ${place}, with ${degrees} degrees.`
      const shape = random()
      if (shape < 0.6) return { content: `{"temperature": ${degrees}, "sky": "${sky}"}`, answer }
      if (shape < 0.8) return { content: `${sky}, ${degrees} degrees`, answer }
      return {
        content: `{"temperature": ${degrees}}`,
        answer: `It is ${degrees} degrees in ${place}.`,
      }
    },
  },
  {
    names: ['get_time', 'get_current_time', 'time_in', 'clock', 'local_time'],
    descriptions: [
      'Get the local time.',
      'The time in a city.',
      'Get the current time in a place.',
    ],
    slots: [city],
    questions: [
      'What time is it in {city}?',
      'Time in {city}',
      'What is the time in {city}?',
      'Tell me the time in {city}.',
      'How late is it in {city}?',
    ],
    result: (random, { city: place }) => {
      const time = `${integer(random, 1, 23)}:${integer(random, 10, 59)}`
      return told(random, 'time', time, `It is ${time} in ${place}.`)
    },
  },
  {
    names: ['search', 'web_search', 'search_web', 'find', 'lookup', 'search_documents'],
    descriptions: ['Search the web.', 'Find documents.', 'Search for a text.', 'Full text search.'],
    slots: [topic],
    questions: [
      'Search for {topic}.',
      'Search for {topic}',
      'Find {topic}.',
      'Look up {topic}.',
      'Search the web for {topic}.',
      'Please find {topic}',
      'Google {topic}',
    ],
    result: (random, { topic: query }) => {
      const title = `${pick(random, THINGS)} ${pick(random, THINGS)}`
      return told(random, 'result', title, `I found this for ${query}: ${title}.`)
    },
  },
  {
    names: ['add', 'sum', 'add_numbers', 'plus', 'calculator'],
    descriptions: ['Add two numbers.', 'The sum of two numbers.', 'Adds a and b.'],
    slots: [number('a', ['a', 'x', 'first'], 99), number('b', ['b', 'y', 'second'], 99)],
    questions: [
      'What is {a} plus {b}?',
      'Add {a} and {b}.',
      'What is {a} + {b}?',
      'Sum {a} and {b}',
      'Compute {a} plus {b}.',
      'Calculate {a} + {b}.',
    ],
    result: (random, { a, b }) => {
      const sum = Number(a) + Number(b)
      return told(random, 'result', sum, `The result is ${sum}.`)
    },
  },
  {
    names: ['send_message', 'send_email', 'message', 'notify', 'write_to'],
    descriptions: ['Send a message to a person.', 'Write to someone.', 'Send a text.'],
    slots: [person, { ...topic, keys: ['text', 'message', 'body', 'content'] }],
    questions: [
      'Tell {name} {topic}',
      'Send {name} the message {topic}.',
      'Write {topic} to {name}.',
      'Message {name}: {topic}',
      'Send {topic} to {name}.',
    ],
    result: (random, { name }) =>
      told(random, 'status', 'sent', `The message to ${name} was sent.`),
  },
  {
    names: ['get_balance', 'balance', 'account_balance', 'get_credits'],
    descriptions: ['Get the balance of a user.', 'Balance in sats.', 'How much a user has.'],
    slots: [{ ...person, keys: ['user', 'name', 'account', 'customer'] }],
    questions: [
      'What is the balance of {name}?',
      'How many sats does {name} have?',
      'Balance of {name}',
      'How much money does {name} have?',
    ],
    result: (random, { name }) => {
      const sats = integer(random, 1, 9999)
      return told(random, 'balance', sats, `${name} has ${sats} sats.`)
    },
  },
  {
    names: ['translate', 'translate_text', 'translation'],
    descriptions: ['Translate a text.', 'Translate into another language.'],
    slots: [
      { ...topic, keys: ['text', 'source', 'phrase'] },
      {
        slot: 'language',
        keys: ['language', 'target', 'to'],
        value: (random) => pick(random, LANGUAGES),
      },
    ],
    questions: [
      'Translate {topic} into {language}.',
      'Translate {topic} to {language}',
      'How do you say {topic} in {language}?',
      'What is {topic} in {language}?',
    ],
    result: (random, { language }) => {
      const text = `${inventedWord(random)} ${inventedWord(random)}`
      return told(random, 'translation', text, `In ${language} it is: ${text}.`)
    },
  },
  {
    names: ['convert_currency', 'convert', 'exchange', 'currency'],
    descriptions: ['Convert an amount of money.', 'Currency conversion.'],
    slots: [
      number('amount', ['amount', 'value', 'sum'], 999),
      {
        slot: 'currency',
        keys: ['currency', 'to', 'target'],
        value: (random) => pick(random, CURRENCIES),
      },
    ],
    questions: [
      'Convert {amount} to {currency}.',
      'How much is {amount} in {currency}?',
      'What is {amount} in {currency}?',
      'Change {amount} into {currency}.',
    ],
    result: (random, { amount, currency }) => {
      const value = integer(random, 1, 9999)
      return told(random, 'value', value, `${amount} is ${value} ${currency}.`)
    },
  },
  {
    names: ['set_alarm', 'set_timer', 'alarm', 'timer', 'start_timer'],
    descriptions: ['Set a timer in minutes.', 'Wake me after some minutes.'],
    slots: [number('minutes', ['minutes', 'time', 'duration', 'min'], 90)],
    questions: [
      'Set a timer for {minutes} minutes.',
      'Wake me in {minutes} minutes.',
      'Timer {minutes} minutes',
      'Remind me in {minutes} minutes.',
    ],
    result: (random, { minutes }) =>
      told(random, 'status', 'ok', `The timer is set to ${minutes} minutes.`),
  },
]
