import { hourOf } from '../canary-timing.ts'
import type { RequestShape } from '../request-shape.ts'

type Kind = Omit<RequestShape, 'hour' | 'interArrivalMs'>

const HOUR_MS = 3_600_000

/**
 * Requests of one provider as three kinds of client make them: people who chat by day, a tool for programmers with
 * long instructions, and a script that works through lists at night, in bursts. What belongs together is together:
 * the script's requests are short, alike, and close to each other.
 */
export function traffic(count: number, random: () => number): RequestShape[] {
  const shapes: RequestShape[] = []
  let burst = 0
  for (let at = 0; shapes.length < count;) {
    const byDay = hourOf(at) >= 7 && hourOf(at) < 22
    if (burst > 0) burst--
    else if (!byDay && random() < 0.05) burst = 40
    const interArrivalMs = Math.round(
      burst > 0 ? 200 + 100 * random() : -Math.log1p(-random()) * HOUR_MS * (byDay ? 0.02 : 0.1),
    )
    at += interArrivalMs
    shapes.push({ ...kindOf(burst > 0, random), hour: hourOf(at), interArrivalMs })
  }
  return shapes
}

function kindOf(inBurst: boolean, random: () => number): Kind {
  if (inBurst) return script(random)
  return random() < 0.7 ? chat(random) : programming(random)
}

const script = (random: () => number): Kind => ({
  promptChars: 780 + Math.floor(120 * random()),
  messages: 1,
  hasSystem: false,
  stream: false,
  maxTokens: 64,
  temperature: 0,
  topP: null,
})

function chat(random: () => number): Kind {
  const hasSystem = random() < 0.6
  return {
    promptChars: Math.round(30 + 120 * Math.exp(1.2 * normal(random))),
    messages: (hasSystem ? 1 : 0) + 1 + 2 * Math.floor(4 * random() ** 2),
    hasSystem,
    stream: random() < 0.9,
    maxTokens: random() < 0.5 ? null : 1024,
    temperature: [null, 0.7, 1][Math.floor(3 * random())] ?? null,
    topP: random() < 0.2 ? 0.95 : null,
  }
}

const programming = (random: () => number): Kind => ({
  promptChars: Math.round(2500 + 1500 * Math.exp(0.5 * normal(random))),
  messages: 2 + 2 * Math.floor(3 * random()),
  hasSystem: true,
  stream: true,
  maxTokens: 2048,
  temperature: 0.2,
  topP: null,
})

function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log1p(-random())) * Math.cos(2 * Math.PI * random())
}
