// What an owner does first with the agent's package, on the oldest Node it promises: installs it in an
// empty folder, makes a key, answers a job, checks the receipt, stops, upgrades.
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { OLDEST_NODE } from '@infernet/provider-agent/doctor/machine-checks'
import { EXIT } from '@infernet/provider-agent/exit-codes'
import { FakeEdge } from '@infernet/provider-agent/testing/fake-edge'
import { FakeEngine } from '@infernet/provider-agent/testing/fake-engine'
import { AGENT_VERSION } from '@infernet/provider-agent/version'
import { FRAME } from '@infernet/schemas/frame'
import { splitBatch } from '@infernet/schemas/receipt'
import { newSigner } from '@infernet/schemas/testing/signer'
import { decodeControl, receiptsSchema } from '@infernet/schemas/wire'
import { publish, tryUpgrade } from './agent-package/try-upgrade.ts'

/** Twice what it is: whatever doubles it was not meant. */
const MAX_TARBALL_BYTES = 3 * 1024 * 1024
const MAX_IDLE_RSS_KIB = 120 * 1024
const [OLDEST_MAJOR] = OLDEST_NODE

const folder = mkdtempSync(join(tmpdir(), 'infernet-package-'))
const home = join(folder, 'home')
const installed = join(folder, 'installed')
const releases = join(folder, 'releases')
const signer = newSigner()
const program = join(installed, 'node_modules/.bin/infernet-agent')
const edge = new FakeEdge()
const engine = new FakeEngine()
const node = oldestNode()
const env = ownersEnvironment()
const running: ChildProcess[] = []
try {
  await Promise.all([edge.start(), engine.start()])
  await install()
  await tryCommands()
  await answerAJob()
  await measureIdle()
  const module = join(installed, 'node_modules/infernet-agent')
  await tryUpgrade({ folder, installed: module, edge, signer, releases, start, expectRun })
  console.log('agent package: passed')
} finally {
  for (const child of running) child.kill('SIGKILL')
  await Promise.all([edge.close(), engine.close()])
  rmSync(folder, { recursive: true })
}

async function install(): Promise<void> {
  for (const path of [home, installed]) mkdirSync(path)
  await publish(releases, [signer], signer)
  const tarball = join(folder, `infernet-agent-${AGENT_VERSION}.tgz`)
  // The folder of releases will have later ones.
  copyFileSync(join(releases, `infernet-agent-${AGENT_VERSION}.tgz`), tarball)
  const { size } = statSync(tarball)
  console.log(`agent package: ${Math.ceil(size / 1024)} KiB packed`)
  if (size > MAX_TARBALL_BYTES) throw new Error(`it is over ${MAX_TARBALL_BYTES} bytes`)
  const quiet = ['--omit=optional', '--no-audit', '--no-fund', '--silent']
  execFileSync('npm', ['install', ...quiet, tarball], { cwd: installed, env, stdio: 'inherit' })
  const version = execFileSync(join(dirname(node), 'node'), ['--version'], { encoding: 'utf8' })
  console.log(`agent package: installed for Node ${version.trim()}`)
}

async function tryCommands(): Promise<void> {
  await expectRun(['version'], EXIT.ok, `${AGENT_VERSION}\n`)
  await expectRun(['keys'], EXIT.ok, '12D3KooW')
  await expectRun(['run', '--edge', edge.url], EXIT.engine, '--include=optional')
}

async function answerAJob(): Promise<void> {
  const agent = start(['run', '--edge', edge.url, '--engine', 'tiny'])
  const session = await edge.session()
  session.give(1, { model: 'infernet-demo', messages: [{ role: 'user', content: 'hello' }] })
  const { end, text: answer } = await session.answer(1)
  if (end === undefined || !answer.includes('"content"')) throw new Error(`no answer: ${answer}`)
  await expectRun(['doctor', '--edge', edge.url, '--engine-url', engine.url], EXIT.ok, 'It works.')
  await expectRun(['debug', 'bundle', '-o', join(folder, 'debug.tar.gz')], EXIT.ok, 'events.jsonl')
  const { payload } = await session.until(() => session.of(0, FRAME.receipts)[0], 'receipt')
  await stop(agent)
  const { receipts } = splitBatch(decodeControl(receiptsSchema, payload))
  await checkReceipts(receipts.map(({ receipt }) => receipt))
  console.log('agent package: one answer and its receipt are good')
}

async function checkReceipts(receipts: readonly { readonly signature: string }[]): Promise<void> {
  const file = join(folder, 'receipts.json')
  writeFileSync(file, JSON.stringify(receipts))
  await expectRun(['receipt', 'verify', file], EXIT.ok, 'good')
  const forged = receipts.map((one) => ({ ...one, signature: one.signature.replace(/^./, '_') }))
  writeFileSync(file, JSON.stringify(forged))
  await expectRun(['receipt', 'verify', file], EXIT.badReceipt, 'bad')
}

/** Connected to an edge and to a server, without a job. */
async function measureIdle(): Promise<void> {
  const agent = start(['run', '--edge', edge.url, '--engine-url', engine.url])
  await edge.session(2)
  const status = readFileSync(`/proc/${agent.pid}/status`, 'utf8')
  const rss = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1])
  await stop(agent)
  console.log(`agent package: ${Math.round(rss / 1024)} MiB resident when idle`)
  if (!(rss <= MAX_IDLE_RSS_KIB)) throw new Error(`that is over ${MAX_IDLE_RSS_KIB} KiB`)
}

/** Waits without blocking: the edge and the engine that it asks are in this process. */
async function expectRun(args: readonly string[], code: number, says: string): Promise<void> {
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  running.push(child)
  const output = [text(child.stdout), text(child.stderr), once(child, 'close')] as const
  const [stdout, stderr] = await Promise.all(output)
  if (child.exitCode === code && `${stdout}${stderr}`.includes(says)) return
  const command = `infernet-agent ${args.join(' ')}`
  throw new Error(`${command}: ${child.exitCode}, not ${code} and '${says}':\n${stdout}${stderr}`)
}

function start(args: readonly string[]): ChildProcess {
  const child = spawn(program, args, { env, stdio: ['ignore', 'ignore', 'inherit'] })
  running.push(child)
  return child
}

async function stop(child: ChildProcess): Promise<void> {
  const closed = once(child, 'close')
  child.kill('SIGTERM')
  await closed
  if (child.exitCode !== EXIT.ok) throw new Error(`it ended with ${child.exitCode}`)
}

/** The oldest on PATH that the package is for; another than the oldest promised proves less. */
function oldestNode(): string {
  const folders = [...new Set((process.env['PATH'] ?? '').split(delimiter))]
  const found = folders.flatMap((path) => {
    const file = join(path, 'node')
    const version = spawnSync(file, ['--version'], { encoding: 'utf8' }).stdout ?? ''
    const major = Number(/^v(\d+)/.exec(version)?.[1])
    return major >= OLDEST_MAJOR ? [{ file, major }] : []
  })
  const oldest = found.toSorted((a, b) => a.major - b.major)[0]
  if (oldest?.major === OLDEST_MAJOR) return oldest.file
  const message = `agent package: there is no Node ${OLDEST_MAJOR} on PATH`
  if (oldest === undefined || process.env['INFERNET_NO_SKIP'] === '1') throw new Error(message)
  console.log(`${message}: trying ${oldest.major} instead`)
  return oldest.file
}

/** A home of its own, that Node first, and nothing of ours. */
function ownersEnvironment(): NodeJS.ProcessEnv {
  const path = process.env['PATH']?.split(delimiter).filter((one) => !one.includes('node_modules'))
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(npm_|INFERNET_|NODE|XDG_)/.test(name),
  )
  const PATH = [dirname(node), ...(path ?? [])].join(delimiter)
  return { ...Object.fromEntries(own), HOME: home, PATH }
}
