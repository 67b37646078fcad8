import { CanaryError } from './canary-error.ts'
import { DEFAULT_GRAMMAR } from './grammar/default-grammar.ts'
import { expand, type PromptGrammar, type StartRule } from './grammar/prompt-grammar.ts'
import type { RequestShape } from './request-shape.ts'
import { restyled } from './typing-style.ts'

export interface PromptMessage {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
}

export interface PromptSource {
  /** Where chance comes from; in production nothing that a provider could foresee. */
  readonly random: () => number
  readonly isUsed: (prompt: readonly PromptMessage[]) => boolean
  /** Checked by `checkGrammar`; ours if left out. */
  readonly grammar?: PromptGrammar
}

type Form = Pick<RequestShape, 'promptChars' | 'messages' | 'hasSystem'>
type Write = (rule: StartRule) => string

/** Prompts tried before the grammar counts as exhausted. Only very short ones ever need a second. */
const MAX_TRIES = 64
/** Texts made to find one of the right length. */
const CHOICES = 8
/** Room below which nothing is pasted under a task. UTF-16 units. */
const LEAST_PASTE = 25
/** Up to here a message may be of the short kind. */
const SHORT = 90
/** From here on any text fits, with another under it. */
const ROOMY = 400
/** Instructions are rarely longer. */
const MAX_SYSTEM = 800

/**
 * A prompt of the given form that nobody has had, as long as asked to within some 30 characters, or the shortest
 * question there is. Throws {@link CanaryError} `prompts_exhausted`.
 */
export function nextPrompt(form: Form, source: PromptSource): readonly PromptMessage[] {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const prompt = promptOf(form, source)
    if (!source.isUsed(prompt)) return prompt
  }
  throw new CanaryError('prompts_exhausted', `no new prompt in ${MAX_TRIES} tries`)
}

function promptOf(form: Form, { random, grammar = DEFAULT_GRAMMAR }: PromptSource) {
  const write: Write = (rule) => withArticles(expand(grammar, rule, random))
  const roles = rolesOf(form)
  let room = form.promptChars
  return roles.map((role, i): PromptMessage => {
    const share = i === roles.length - 1 ? room : shareOf(role, room, roles.length - i, random)
    const content = role === 'user' ? request(share, write, random) : spoken(role, share, write)
    room -= content.length
    return { role, content }
  })
}

/** The system's first, the user's last, and turns between. */
function rolesOf({ messages, hasSystem }: Form): PromptMessage['role'][] {
  const turns = Math.max(1, messages - (hasSystem ? 1 : 0))
  const roles = Array.from({ length: turns }, (_, i) =>
    (turns - i) % 2 === 1 ? ('user' as const) : ('assistant' as const),
  )
  return hasSystem ? ['system', ...roles] : roles
}

/** What a message takes of the room that is left for `messages`. */
function shareOf(
  role: PromptMessage['role'],
  room: number,
  messages: number,
  random: () => number,
): number {
  const share = Math.max(0, room / messages) * (0.5 + random())
  return role === 'system' ? Math.min(share, MAX_SYSTEM) : share
}

/** A user's turn: a task, and under it a text to work on where there is room. */
function request(chars: number, write: Write, random: () => number): string {
  const task = nearest(chars, (i) =>
    restyled(write(chars > SHORT || i % 2 === 0 ? 'task' : 'short'), random),
  )
  const room = chars - task.length - 2
  return room < LEAST_PASTE ? task : `${task}\n\n${pasted(room, write)}`
}

/** Of a few texts the one whose length comes nearest; the first where any leaves room for more. */
function nearest(chars: number, text: (i: number) => string): string {
  let best = text(0)
  const choices = chars < ROOMY ? CHOICES : 1
  for (let i = 1; i < choices; i++) {
    const other = text(i)
    if (Math.abs(other.length - chars) < Math.abs(best.length - chars)) best = other
  }
  return best
}

/** Instructions, or an assistant's turn: whole sentences, as many as fit, or the beginning of one. */
function spoken(role: 'system' | 'assistant', chars: number, write: Write): string {
  const rule = role === 'system' ? 'system' : 'answer'
  let text = nearest(chars, () => write(rule))
  for (let next = text; next.length <= chars; next = `${text} ${write(rule)}`) text = next
  return cutAfterWord(text, chars)
}

/** Sentences, cut after the last word that fits, as pasted texts are. */
function pasted(chars: number, write: Write): string {
  let text = capitalised(write('sentence'))
  while (text.length < chars) text += ` ${capitalised(write('sentence'))}`
  return cutAfterWord(text, chars)
}

/** At least one word. */
function cutAfterWord(text: string, chars: number): string {
  if (text.length <= chars) return text
  const end = text.lastIndexOf(' ', Math.max(chars, text.indexOf(' ')))
  return end < 0 ? text : text.slice(0, end)
}

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

/** Patterns say "a" for whatever follows. */
const withArticles = (text: string): string => text.replace(/\b([Aa]) (?=[aeio]|um)/g, '$1n ')
