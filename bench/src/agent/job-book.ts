import { modelOf, type AgentLoad } from './agent-load.ts'
import { WatchedJob } from './watched-job.ts'

/** Names a job in its request's text, where agents leave it alone. */
const NUMBER = /job no\. (\d+)/

/** What vLLM is asked for where its tokens are to be told: by the agent itself, and for the relay. */
const SHOWN = {
  logprobs: true,
  top_logprobs: 20,
  return_token_ids: true,
  return_tokens_as_token_ids: true,
}

/** The jobs under way, by the number that both ends know them by. */
export class JobBook {
  readonly #jobs = new Map<number, WatchedJob>()
  #last = 0

  open(load: AgentLoad): WatchedJob {
    const job = new WatchedJob(++this.#last, load)
    this.#jobs.set(job.number, job)
    return job
  }

  close(job: WatchedJob): void {
    this.#jobs.delete(job.number)
  }

  /** The job that a request's body belongs to; undefined for what the agent asks for itself. */
  find(body: string): WatchedJob | undefined {
    return this.#jobs.get(Number(NUMBER.exec(body)?.[1]))
  }
}

/** The body of a job: an ordinary chat completion; `asksItself` where nobody adds what claims need. */
export function jobBody(number: number, load: AgentLoad, asksItself: boolean): Buffer {
  const body = {
    model: modelOf(load),
    messages: [
      { role: 'system', content: 'You are a tide table.' },
      { role: 'user', content: `Tell me again how the tide turns. This is job no. ${number}.` },
    ],
    temperature: 0.7,
    max_tokens: 256,
    stream: load.stream,
    ...(load.shown && asksItself ? SHOWN : {}),
  }
  return Buffer.from(JSON.stringify(body))
}
