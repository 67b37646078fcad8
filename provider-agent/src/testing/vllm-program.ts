/**
 * A program that is started like `vllm` and answers like `FakeEngine`, on the socket and with the
 * key that it is given. For tests of whoever starts it. From SIGUSR2 on it is as if its GPU hung: its
 * lists and its health are as they were, and no token comes.
 */
import { createServer, request as send, type IncomingMessage, type ServerResponse } from 'node:http'
import { parseArgs } from 'node:util'
import { FakeEngine } from './fake-engine.ts'

function relay(url: string, request: IncomingMessage, response: ServerResponse): void {
  const { method = 'GET', headers } = request
  const asked = send(url + request.url, { method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 500, answer.headers)
    answer.pipe(response)
  })
  response.on('close', () => asked.destroy())
  asked.on('error', () => response.destroy())
  request.pipe(asked)
}

async function serve(args: readonly string[]): Promise<void> {
  const text = { type: 'string' } as const
  const options = {
    uds: text,
    'served-model-name': text,
    'max-num-seqs': text,
    'max-model-len': text,
  }
  const { values } = parseArgs({ args: [...args], options, allowPositionals: true })
  const engine = new FakeEngine()
  engine.models = [
    {
      id: values['served-model-name'],
      owned_by: 'vllm',
      max_model_len: Number(values['max-model-len']),
    },
  ]
  process.on('SIGUSR2', () => {
    engine.fault = 'silent'
    engine.onQuestion = () => 'never'
  })
  await engine.start()
  const key = `Bearer ${process.env['VLLM_API_KEY']}`
  createServer((request, response) => {
    if (request.url === '/health') return response.end()
    if (request.headers.authorization === key) return relay(engine.url, request, response)
    response.writeHead(401).end()
  }).listen(values.uds)
}

const [command, ...args] = process.argv.slice(2)
if (command === '--version') process.stdout.write('0.32.0\n')
else await serve(args)
