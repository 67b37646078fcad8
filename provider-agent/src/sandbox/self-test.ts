import { rmSync, writeFileSync } from 'node:fs'
import { release } from 'node:os'
import { join } from 'node:path'
import type { SandboxDriver } from './driver.ts'
import { runConfined, type ConfinedJob, type JobResult } from './run-confined.ts'
import { SandboxError } from './sandbox-error.ts'
import { makeSandboxFolder } from './sandbox-folder.ts'
import { SELF_TEST_MS, TEST_LIMITS } from './sandbox-limits.ts'

/** What a self-test has seen to hold, by what it keeps from the engine. */
export const HELD = ['files', 'network', 'rights', 'calls', 'memory', 'processes', 'cpus'] as const
export type Held = (typeof HELD)[number]

/** Without these there is no sandbox; the others are limits, which not every machine lets us set. */
const NEEDED: readonly Held[] = ['files', 'network', 'rights', 'calls']

/** What is wrong where it does not hold. */
const OPEN: Readonly<Record<Held, string>> = {
  files: 'files outside can be seen or written',
  network: 'there is a network',
  rights: 'it has rights of root, or could get them',
  calls:
    'it has the machine’s kernel, with no filter of system calls or one that lets it make namespaces',
  memory: 'memory is not limited',
  processes: 'the number of processes is not limited',
  cpus: 'the share of the processors is not limited',
}

const EACH_ALONE = 'memory is limited for each process alone, not for all together'

/** Says what can be seen from inside. The last of it hits the limit of processes, which ends the shell. */
const LOOK = `
read -r _ _ kernel _ </proc/version
echo "kernel:$kernel"
read -r begun _ </proc/uptime
i=0
while [ $i -lt 200000 ]; do i=$((i + 1)); done
read -r ended _ </proc/uptime
echo "spun:$begun $ended"
printf times:
times
while read -r name value; do
  case $name in Cap*|NoNewPrivs:|Seccomp:) echo "$name$value";; esac
done </proc/self/status
while read -r name _; do
  case $name in lo:*|Inter*|face*) ;; *) echo "network:$name";; esac
done </proc/net/dev
for path in "$@"; do test ! -e "$path" || echo "seen:$path"; done
for path in /probe /usr/probe /etc/probe; do (: >"$path") 2>/dev/null && echo "written:$path"; done
unshare --user true 2>/dev/null && echo namespaces:yes
echo looked:yes
forked=0
while [ $forked -lt $FORKS ]; do
  sleep 1 &
  forked=$((forked + 1))
  echo "forked:$forked"
done
`
/** Takes twice the memory that it may. */
const FILL = `echo "filling:yes"; dd if=/dev/zero of=/dev/null bs=$BYTES count=1 && echo "filled:yes"`
/** Of the half of a processor that it may have: what is handed out at the start comes on top. */
const MAX_SHARE = 0.8
/** More processes than it may have. */
const MORE = 8

/**
 * Runs a driver with all that it has, and tries what must not be possible; resolves with what held.
 * Throws {@link SandboxError} where it does not run, or lets through what it must not.
 */
export async function selfTest(
  driver: SandboxDriver,
  hidden: readonly string[],
  signal?: AbortSignal,
): Promise<ReadonlySet<Held>> {
  const folder = makeSandboxFolder()
  const secret = join(folder, 'secret')
  writeFileSync(secret, 'secret')
  const { memoryBytes, cpus } = TEST_LIMITS
  const pids = Math.max(TEST_LIMITS.pids, driver.minPids)
  const forks = pids + MORE
  const job = (script: string, env: NodeJS.ProcessEnv, share?: number): ConfinedJob => ({
    file: '/bin/sh',
    args: ['-c', `${variables(env)}${script}`, 'probe', secret, ...hidden],
    input: new Uint8Array(),
    limits: { memoryBytes, pids, cpus: share, timeMs: SELF_TEST_MS, outputBytes: 256 * 1024 },
  })
  try {
    const [looked, filled] = await Promise.all([
      runConfined(driver, job(LOOK, { FORKS: String(forks) }, cpus), signal),
      runConfined(driver, job(FILL, { BYTES: String(2 * memoryBytes) }), signal),
    ])
    const held = heldBy(
      driver,
      forks,
      factsIn(driver, looked, 'looked'),
      factsIn(driver, filled, 'filling'),
    )
    const open = NEEDED.filter((it) => !held.has(it)).map((it) => OPEN[it])
    if (open.length > 0)
      throw new SandboxError('open', `${driver.name} is open: ${open.join(', ')}`)
    return held
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const variables = (env: NodeJS.ProcessEnv): string =>
  Object.entries(env)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')

/** Docker's last line is where to read more. */
const isNews = (line: string): boolean => line.trim() !== '' && !/'docker run --help'/.test(line)

type Facts = ReadonlyMap<string, readonly string[]>

/** Throws {@link SandboxError} where the script did not come as far as `mark`. */
function factsIn(driver: SandboxDriver, result: JobResult, mark: string): Facts {
  const facts = new Map<string, string[]>()
  for (const line of result.output.toString().split('\n')) {
    const [name = '', value = ''] = line.split(/:(.*)/s)
    facts.set(name, [...(facts.get(name) ?? []), value.trim()])
  }
  if (facts.has(mark)) return facts
  const { ending, code, complaints } = result
  const said = complaints.toString().split('\n').findLast(isNews)?.trim()
  const why = ending === 'time' ? `no end in ${SELF_TEST_MS / 1000} s` : `code ${code}`
  throw new SandboxError(
    'broken',
    `${driver.name} does not work here (${why}): ${said || 'no word'}`,
  )
}

function heldBy(driver: SandboxDriver, forks: number, looked: Facts, filled: Facts): Set<Held> {
  const capabilities = ['CapInh', 'CapPrm', 'CapEff', 'CapBnd'].flatMap(
    (it) => looked.get(it) ?? [],
  )
  const noRights = capabilities.length === 4 && capabilities.every((it) => /^0+$/.test(it))
  const one = (name: string): string | undefined => looked.get(name)?.[0]
  const holds: Readonly<Record<Held, boolean>> = {
    files: !looked.has('seen') && !looked.has('written'),
    network: !looked.has('network'),
    // gVisor has no word for the second of these, and takes no rights from files.
    rights: noRights && (driver.ownKernel || one('NoNewPrivs') === '1'),
    // A tool may know another runtime by the name of gVisor's.
    calls: driver.ownKernel
      ? one('kernel') !== release()
      : one('Seccomp') === '2' && !looked.has('namespaces'),
    memory: !filled.has('filled'),
    cpus: driver.sharesCpus && shareIn(one('spun'), one('times')) <= MAX_SHARE,
    processes: !(looked.get('forked') ?? []).includes(String(forks)),
  }
  return new Set(HELD.filter((it) => holds[it]))
}

/** How much of a processor the shell had while it counted: between two times in s, by its own times. */
function shareIn(spun = '', times = ''): number {
  const [begun = Number.NaN, ended = Number.NaN] = spun.split(' ').map(Number)
  const parts = [...times.matchAll(/(\d+)m([\d.]+)s/g)]
  const used = parts.map(([, minutes, seconds]) => 60 * Number(minutes) + Number(seconds))
  return used.length === 2
    ? used.reduce((sum, part) => sum + part, 0) / (ended - begun)
    : Number.NaN
}

/** What does not hold, in words; empty where all does. */
export const gapsOf = (driver: SandboxDriver, held: ReadonlySet<Held>): string[] => [
  ...HELD.filter((it) => !held.has(it)).map((it) => OPEN[it]),
  ...(held.has('memory') && !driver.sumsMemory ? [EACH_ALONE] : []),
]
