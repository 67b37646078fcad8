import type { WebSocket } from 'ws'
import { monotonicMicros } from '../clock.ts'
import { onRelayFrame, RELAY_FRAME, relayFrame } from '../relay.ts'
import { listenForAgent, type EdgeEnd } from './edge-end.ts'
import type { WatchedJob } from './watched-job.ts'

/** The edge's end of the bare relay's agent. */
export async function startRelayEnd(): Promise<EdgeEnd> {
  const jobs = new Map<number, WatchedJob>()
  const connected = Promise.withResolvers<void>()
  let agent: WebSocket | undefined
  const server = await listenForAgent({}, (socket) => {
    agent = socket
    onRelayFrame(socket, (type, number, body) => {
      const atUs = monotonicMicros()
      const job = jobs.get(number)
      if (job === undefined || type === RELAY_FRAME.head) return
      if (type === RELAY_FRAME.data) return job.got(body, atUs)
      jobs.delete(number)
      if (type === RELAY_FRAME.end) job.ended()
      else job.failed('the relay failed')
    })
    connected.resolve()
  })
  return {
    host: server.host,
    ready: connected.promise,
    give: (job, body) => {
      jobs.set(job.number, job)
      const frame = relayFrame(RELAY_FRAME.request, job.number, body)
      job.sent(monotonicMicros())
      agent?.send(frame)
    },
    [Symbol.dispose]: () => server[Symbol.dispose](),
  }
}
