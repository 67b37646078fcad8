/**
 * `npm run bench`: measures the ways from a client to an engine against each other; see the README.
 * Prints Markdown, writes `results/`. Exits 1 when a target failed or gave a wrong answer; a goal
 * that is not met is reported, not punished.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { areBuilt, lndBinaries } from '@infernet/settlement/testing/regtest/lnd-binaries'
import { judgeAgent } from './agent/agent-goals.ts'
import { measureAgent } from './agent/measure-agent.ts'
import { firstLine, startChild } from './child-process.ts'
import { judgeDispatch, measureDispatch } from './dispatch.ts'
import { describeEnvironment } from './environment.ts'
import { judge } from './goals.ts'
import { judgeHoldLatency, measureHoldLatency } from './hold-latency.ts'
import { judgeLedger, measureLedger } from './ledger.ts'
import { startLoadGenerator } from './load-client.ts'
import { BadOption, type Options, parseOptions } from './options.ts'
import { createProgress, type Progress } from './progress.ts'
import { lineParser, listening } from './ready-line.ts'
import { type Findings, renderMarkdown } from './report.ts'
import { runRounds, type Sample, warmUp } from './rounds.ts'
import { judgeSettlement, measureSettlement } from './settlement.ts'
import { measureSteps } from './steps.ts'
import { summarise } from './summary.ts'
import type { RunningTarget } from './target.ts'
import { TARGETS } from './targets/all.ts'

const RESULTS = join(import.meta.dirname, '../results')
const ENGINE_START_LIMIT_MS = 10_000
/** Set by scripts/with-postgres. */
const POSTGRES_URL = process.env['INFERNET_TEST_POSTGRES_URL']

/** Runs the bench from start to end. */
async function bench(options: Options, progress: Progress) {
  const { budget, scenarios } = options
  const environment = describeEnvironment(
    (options.targets.length === 0
      ? (options.dispatch ?? options.ledger ?? options.settlement ?? options.steps ?? options.agent)
      : budget
    )?.rounds ?? budget.rounds,
    new Date(),
  )
  const dispatch = options.dispatch ? await measureDispatch(options.dispatch, progress.step) : []
  const ledger =
    options.ledger && POSTGRES_URL !== undefined
      ? await measureLedger(POSTGRES_URL, options.ledger, progress.step)
      : undefined
  const settlement =
    options.settlement && POSTGRES_URL !== undefined
      ? await measureSettlement(POSTGRES_URL, options.settlement, progress.step)
      : undefined
  const steps = options.steps ? await measureSteps(options.steps, progress.step) : []
  const holdLatency = options.steps && (await measureHoldLatency(options.steps, progress.step))
  const agent = options.agent && (await measureAgent(options.agent, progress.step))
  const { samples, targets, failed } = await measureTargets(options, progress)
  const scenarioNames = scenarios.map(({ name }) => name)
  const rows = summarise(samples, scenarioNames, targets)
  const judged = targets.filter((name) => name.startsWith('infernet'))
  const findings: Findings = {
    environment,
    scenarios,
    rows,
    verdicts: [
      ...judged.flatMap((name) => judge(rows, name)),
      ...judgeDispatch(dispatch),
      ...judgeLedger(ledger),
      ...judgeSettlement(settlement),
      ...judgeHoldLatency(holdLatency),
      ...judgeAgent(agent?.rows ?? [], agent?.idle ?? []),
    ],
    dispatch,
    ledger,
    settlement,
    steps,
    holdLatency,
    agent,
    failed: Object.fromEntries(failed),
  }
  return { findings, samples }
}

/** Puts the load of every scenario on every target, stopping every process that it started. */
async function measureTargets(options: Options, progress: Progress) {
  const failed = new Map<string, string>()
  if (options.targets.length === 0) return { samples: [], targets: [], failed }
  await using cleanup = new AsyncDisposableStack()
  const engineScript = join(import.meta.dirname, 'mock-engine.ts')
  const engine = startChild({ name: 'engine', args: [engineScript] })
  cleanup.defer(() => engine.stop())
  const { url } = await firstLine(engine, lineParser(listening), ENGINE_START_LIMIT_MS)
  const load = startLoadGenerator()
  cleanup.defer(() => load.stop())

  const targets = new Map<string, RunningTarget>()
  for (const target of options.targets) {
    progress.step(`starting ${target.name}`)
    try {
      const running = await target.start(url)
      cleanup.defer(() => running.stop())
      targets.set(target.name, running)
    } catch (error) {
      failed.set(target.name, error instanceof Error ? error.message : String(error))
    }
  }
  const plan = { ...options, targets, load, engineUrl: url, onStep: progress.step }
  for (const [name, reason] of await warmUp(plan)) {
    failed.set(name, `wrong answers: ${reason}`)
    targets.delete(name)
  }
  const samples = await runRounds(plan)
  return { samples, targets: [...targets.keys()], failed }
}

/** Writes the JSON of this run and replaces `latest.md`; returns the Markdown. */
async function save(findings: Findings, samples: readonly Sample[]): Promise<string> {
  const { date, commit } = findings.environment
  const name = `${date.slice(0, 16).replace(/[T:]/g, '-')}-${commit.replace('+', '')}`
  const markdown = renderMarkdown(findings)
  await mkdir(RESULTS, { recursive: true })
  await writeFile(join(RESULTS, 'latest.md'), markdown)
  const json = JSON.stringify({ ...findings, samples }, undefined, 2)
  await writeFile(join(RESULTS, `${name}.json`), `${json}\n`)
  return markdown
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))
try {
  const options = parseOptions(process.argv.slice(2), TARGETS)
  const isPart = options.targets.length === 0
  if (isPart && (options.ledger ?? options.settlement) && POSTGRES_URL === undefined)
    throw new BadOption(
      'ledger and settlement need a PostgreSQL: INFERNET_POSTGRES_FSYNC=on scripts/with-postgres npm run bench -- ledger',
    )
  if (isPart && options.settlement && !areBuilt(lndBinaries()))
    throw new BadOption('settlement needs LND: node scripts/bootstrap.mjs lnd-tools')
  const progress = createProgress(process.stderr)
  const { findings, samples } = await bench(options, progress)
  progress.done()
  // A part of the whole does not replace the last report of all of it.
  console.log(isPart ? renderMarkdown(findings) : await save(findings, samples))
  const wrong = [
    ...findings.rows.map(({ scenario: load, target, ...row }) => ({ ...row, load, target })),
    ...(findings.agent?.rows ?? []).map(({ subject: target, ...row }) => ({ ...row, target })),
  ].filter(({ failures }) => failures > 0)
  for (const [name, reason] of Object.entries(findings.failed))
    console.error(`FAILED ${name}: ${reason}`)
  for (const { load, target, failures, reasons } of wrong)
    console.error(`WRONG ANSWERS ${target} ${load}: ${failures} (${reasons.join('; ')})`)
  if (wrong.length > 0 || Object.keys(findings.failed).length > 0) process.exitCode = 1
} catch (error) {
  if (!(error instanceof BadOption)) throw error
  console.error(error.message)
  process.exitCode = 2
}
