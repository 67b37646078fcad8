/**
 * A provider that answers every job at once with the same JSON, over one WebSocket:
 * `node instant-provider.ts ws://127.0.0.1:PORT/`. It has no engine and signs nothing; only
 * `simulated-edge.ts` lets it in.
 */
import { encodeFrame, FRAME, readFrames } from '@infernet/schemas/frame'
import { encodeControl } from '@infernet/schemas/wire'
import { WebSocket } from 'ws'
import { jsonAnswer } from './mock-answer.ts'
import { BENCH_MODEL } from './mock-engine.ts'

const head = { id: 'chatcmpl-1', model: BENCH_MODEL, created: 1 }
const answer = Buffer.from(jsonAnswer(head, { promptTokens: 10, completionTokens: 3 }, 0))
const end = encodeControl({
  usage: { prompt_tokens: 10, completion_tokens: 3 },
  finish_reason: 'stop',
  output_sha256: '0'.repeat(64),
})
const reply = (channel: number): Buffer =>
  Buffer.concat([
    encodeFrame(FRAME.accept, channel, new Uint8Array()),
    encodeFrame(FRAME.head, channel, encodeControl({})),
    encodeFrame(FRAME.data, channel, answer),
    encodeFrame(FRAME.end, channel, end),
  ])

const socket = new WebSocket(process.argv[2] ?? '')
socket.on('message', (message: Buffer) => {
  readFrames(message, ({ type, channel }) => {
    if (type === FRAME.job) socket.send(reply(channel))
  })
})
socket.on('close', () => process.exit())
socket.on('error', () => process.exit(1))
