// What a newcomer does first, on a clone of HEAD: `npm start`, one streamed request, a top-up, Ctrl-C.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** `npm ci` on a slow network, then everything's start. */
const READY_TIMEOUT_MS = 600_000
/** A paid invoice is credited within a second. */
const CREDIT_TIMEOUT_MS = 60_000
const CREDIT_POLL_MS = 250

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'infernet-clone-'))
const clone = join(folder, 'infernet')
try {
  execFileSync('git', ['clone', '--quiet', root, clone])
  await tryOut()
  console.log('clone smoke: passed')
} finally {
  rmSync(folder, { recursive: true })
}

async function tryOut(): Promise<void> {
  const npm = spawn('npm', ['start', '--', '--json', '--fresh', '--port', '0'], {
    cwd: clone,
    env: newcomersEnvironment(),
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  })
  // 'close' comes when nobody has its stdout any more.
  const closed = once(npm, 'close')
  const late = setTimeout(() => pressCtrlC(npm), READY_TIMEOUT_MS)
  let ready
  try {
    ready = await readyLine(createInterface({ input: npm.stdout }))
    console.log(`clone smoke: ready with ${ready.model} at ${ready.base_url}`)
    streamOneAnswer(ready)
    await topUp(ready)
  } finally {
    clearTimeout(late)
    pressCtrlC(npm)
    await closed
  }
  const left = Object.entries(ready.pids).filter(([, pid]) => isAlive(pid))
  if (left.length > 0) throw new Error(`Still running after Ctrl-C: ${left.join(', ')}`)
}

/** A terminal signals everyone in the foreground. */
function pressCtrlC({ pid, exitCode }: ChildProcess): void {
  if (pid !== undefined && exitCode === null) process.kill(-pid, 'SIGINT')
}

interface ReadyLine {
  readonly base_url: string
  readonly api_key: string
  readonly model: string
  readonly simulated_topup: { readonly id: string; readonly invoice: string }
  readonly pids: Readonly<Record<string, number>>
}

/** npm prints its own banner above ours. */
async function readyLine(lines: AsyncIterable<string>): Promise<ReadyLine> {
  for await (const line of lines) {
    if (line.startsWith('{')) return JSON.parse(line) as ReadyLine
  }
  throw new Error('npm start ended before it was ready')
}

function streamOneAnswer({ base_url, api_key, model }: ReadyLine): void {
  const messages = [{ role: 'user', content: 'Hello!' }]
  const headers = ['-H', `Authorization: Bearer ${api_key}`, '-H', 'Content-Type: application/json']
  const body = JSON.stringify({ model, messages, stream: true, max_tokens: 32 })
  const options = ['-sSN', '--fail-with-body', '--max-time', '60', ...headers, '-d', body]
  const answer = execFileSync('curl', [...options, `${base_url}/chat/completions`], {
    encoding: 'utf8',
  })
  if (!answer.includes('"content"') || !answer.trimEnd().endsWith('data: [DONE]')) {
    throw new Error(`This is no complete answer:\n${answer}`)
  }
}

/** Pays the printed invoice, and waits until the credit can be spent. */
async function topUp({ base_url, api_key, simulated_topup }: ReadyLine): Promise<void> {
  const paid = execFileSync('npm', ['run', '--silent', 'pay', '--', simulated_topup.invoice], {
    cwd: clone,
    env: newcomersEnvironment(),
    encoding: 'utf8',
  })
  if (!paid.includes('SIMULATED')) throw new Error(`Simulated money that does not say so: ${paid}`)
  const headers = { authorization: `Bearer ${api_key}` }
  for (const end = Date.now() + CREDIT_TIMEOUT_MS; ;) {
    const response = await fetch(`${base_url}/billing/topups/${simulated_topup.id}`, { headers })
    const { credited } = (await response.json()) as { credited?: boolean }
    if (credited === true) return
    if (Date.now() > end) throw new Error('The paid top-up was not credited')
    await sleep(CREDIT_POLL_MS)
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Ours without what npm and the bootstrap added, so that the clone finds its own Node and modules. */
function newcomersEnvironment(): NodeJS.ProcessEnv {
  const path = process.env['PATH']?.split(':').filter((folder) => !folder.includes('node_modules'))
  const own = Object.entries(process.env).filter(([name]) => !/^(npm_|INFERNET_|NODE)/.test(name))
  return { ...Object.fromEntries(own), PATH: path?.join(':') }
}
