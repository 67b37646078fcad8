/**
 * Prints, with times, what a client sees when its provider is killed in the middle of an answer:
 * `node e2e/src/transcript.ts`. Nothing is staged but the kill; see docs/continuation.md.
 */
import { askInStream, generationOf, QUESTION, type Moment } from './broken-answer.ts'
import { Stack } from './stack.ts'

const PORT = 18_460
const MOST_TRIES = 5
/** Into the numbers, where it shows. */
const KILL_AFTER_CHARS = 30
const LINE_CHARS = 64

interface Told {
  readonly ms: number
  readonly moment: Moment
}

/** One line per thing that happened; text that came in a row is one. */
function linesOf(told: readonly Told[], nameOf: (peer: string) => string): string[] {
  const lines: string[] = []
  let text = ''
  let since = 0
  const line = (ms: number, what: string) => lines.push(`${ms.toFixed(1).padStart(8)} ms  ${what}`)
  const flush = (): void => {
    for (let at = 0; at < text.length; at += LINE_CHARS) {
      line(since, `│ ${text.slice(at, at + LINE_CHARS)}`)
    }
    text = ''
  }
  for (const { ms, moment } of told) {
    if (moment.what === 'text') {
      if (text === '') since = ms
      text += moment.text
      continue
    }
    flush()
    line(ms, sayOf(moment, nameOf))
  }
  return lines
}

function sayOf(
  moment: Exclude<Moment, { what: 'text' }>,
  nameOf: (peer: string) => string,
): string {
  switch (moment.what) {
    case 'asked':
      return `client asks: ${QUESTION}`
    case 'answering':
      return `${nameOf(moment.provider)} answers`
    case 'killed':
      return `kill -9 ${nameOf(moment.provider)}`
    case 'finished':
      return `finish_reason: ${moment.reason}`
    case 'usage':
      return `usage: ${moment.usage.prompt_tokens} + ${moment.usage.completion_tokens} tokens`
    case 'ended':
      return 'data: [DONE]'
  }
}

const stack = await Stack.start('node', PORT)
try {
  const client = await stack.createClient()
  const args = ['--engine', 'llama-cpp']
  const b = await stack.startAgent('B', 'infernet-demo', args)
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const a = await stack.startAgent('A', 'infernet-demo', args, 2)
    const nameOf = (peer: string): string =>
      peer === a.peer ? 'provider A' : peer === b.peer ? 'provider B' : peer
    const told: Told[] = []
    const start = performance.now()
    const seen = await askInStream({
      stack,
      client,
      first: a,
      killAfterChars: KILL_AFTER_CHARS,
      onMoment: (moment) => told.push({ ms: performance.now() - start, moment }),
    })
    const { provider_responses: shares, total_cost: cost } = await generationOf(
      stack,
      client,
      seen.job,
    )
    if (shares.length < 2) {
      // It had said everything before the signal reached it.
      await a.kill()
      await stack.untilServed('infernet-demo', 1)
      continue
    }
    console.log(linesOf(told, nameOf).join('\n'))
    console.log(
      `\nids in the stream: ${seen.ids.length}, finish reasons: ${seen.finishReasons.length}`,
    )
    for (const { provider_name: peer, tokens_completion: tokens, cost: paid } of shares) {
      console.log(`${nameOf(peer)}: ${tokens} tokens, ${paid} msat`)
    }
    console.log(`client paid: ${cost} msat`)
    break
  }
} finally {
  await stack.stop()
}
