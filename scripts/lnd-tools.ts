// Builds LND and btcd for the suites against real Lightning, once per version:
//   node scripts/bootstrap.mjs lnd-tools
// Needs Go and its module proxy, or a warm module cache. LND takes 15 minutes of CPU with a cold build
// cache, seconds with a warm one.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import {
  areBuilt,
  lndBinaries,
  LND_MODULE,
} from '../settlement/src/testing/regtest/lnd-binaries.ts'

/** What LND's releases have, but for the wallets and databases that are not used here. */
const LND_TAGS = 'invoicesrpc signrpc walletrpc chainrpc peersrpc'
const PACKAGES = {
  lnd: 'github.com/lightningnetwork/lnd/cmd/lnd',
  btcd: 'github.com/btcsuite/btcd',
} as const
/** Compiled packages between two lines of progress. */
const PROGRESS_STEP = 50
/** A build leaves half the machine to others. */
const PARALLEL = '2'

class SetupError extends Error {
  override readonly name = 'SetupError'
  readonly code = 'cannot_set_up'
}

/** Throws {@link SetupError} unless there is a Go that `go.mod` accepts. */
function requireGo(): void {
  const wanted = /^go (\S+)$/m.exec(readFileSync(join(LND_MODULE, 'go.mod'), 'utf8'))?.[1] ?? ''
  const { stdout, status } = spawnSync('go', ['env', 'GOVERSION'], { encoding: 'utf8' })
  const help = `LND is built with Go ${wanted} or later: https://go.dev/dl, or apt-get install golang-go where that is recent enough.`
  if (status !== 0) throw new SetupError(`Go is missing. ${help}`)
  const version = stdout.trim().replace(/^go/, '')
  // An older Go from 1.21 on fetches the one it needs by itself.
  if (isOlder(version, '1.21')) throw new SetupError(`Go ${version} is too old. ${help}`)
}

function isOlder(version: string, than: string): boolean {
  return version.localeCompare(than, 'en', { numeric: true }) < 0
}

/** Throws {@link SetupError} when the compiler fails; its reasons are on stderr by then. */
async function build(name: keyof typeof PACKAGES, into: string): Promise<void> {
  const begun = performance.now()
  const flags = ['-v', '-p', PARALLEL, '-mod=readonly', '-trimpath', '-buildvcs=false']
  const args = [
    'build',
    ...flags,
    '-ldflags',
    '-s -w',
    '-tags',
    LND_TAGS,
    '-o',
    into,
    PACKAGES[name],
  ]
  const child = spawn('go', args, {
    cwd: LND_MODULE,
    stdio: ['ignore', 'inherit', 'pipe'],
    env: { ...process.env, CGO_ENABLED: '0' },
  })
  const ended = once(child, 'exit') as Promise<[number | null]>
  let compiled = 0
  for await (const line of createInterface({ input: child.stderr })) {
    // With -v Go names each package it compiles; the rest are downloads and errors.
    if (!/^[a-z0-9][\w./-]*$/.test(line)) console.log(line)
    else if (++compiled % PROGRESS_STEP === 0) console.log(`${name}: ${compiled} packages compiled`)
  }
  const [code] = await ended
  if (code !== 0) throw new SetupError(`go build of ${name} failed; its reasons are above.`)
  const seconds = ((performance.now() - begun) / 1000).toFixed(0)
  console.log(`${name}: built in ${seconds} s`)
}

async function main(): Promise<void> {
  const binaries = lndBinaries()
  if (areBuilt(binaries)) {
    console.log(`LND ${binaries.version} and btcd are in ${binaries.folder}`)
    return
  }
  requireGo()
  console.log(`Building LND ${binaries.version} and btcd into ${binaries.folder}, once: minutes…`)
  mkdirSync(dirname(binaries.folder), { recursive: true })
  // Whole or not at all: it moves to its place when both are there.
  const folder = mkdtempSync(`${binaries.folder}.`)
  try {
    await build('lnd', join(folder, 'lnd'))
    await build('btcd', join(folder, 'btcd'))
    if (existsSync(binaries.folder)) rmSync(binaries.folder, { recursive: true })
    renameSync(folder, binaries.folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

await main().catch((error: unknown) => {
  console.error(error instanceof SetupError ? error.message : error)
  process.exitCode = 1
})
