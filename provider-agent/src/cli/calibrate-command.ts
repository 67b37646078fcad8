import { randomInt } from 'node:crypto'
import { accessSync, constants, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { MAX_GATEWAY_SEED } from '@infernet/schemas/limits'
import { specIdOf } from '@infernet/schemas/model-spec'
import { calibrate } from '@infernet/verification/evidence/calibration'
import { Option, type Command } from 'commander'
import { CalibrationError, type CalibrationErrorCode } from '../calibration/calibration-error.ts'
import {
  MAX_ANSWER_TOKENS,
  MAX_MEASURED_TOKENS,
  MAX_REQUESTS,
} from '../calibration/calibration-limits.ts'
import { measure, type Progress } from '../calibration/measure.ts'
import { readSamples, writeSamples, type Samples } from '../calibration/sample-file.ts'
import { summaryOf } from '../calibration/summary.ts'
import { createEngine } from '../engines/create-engine.ts'
import { EngineStartError } from '../engines/engine.ts'
import { errorMessage } from '../error-message.ts'
import { EXIT, OwnerError, type ExitCode } from '../exit-codes.ts'
import { DEFAULT_SLOTS } from '../limits.ts'
import { plainText } from '../plain-text.ts'
import { reportText, warningsOf, type CalibrationReport } from './calibration-report.ts'
import { count } from './count.ts'
import { addEngineOptions, engineOptions, type EngineFlags } from './engine-options.ts'
import { terminal } from './terminal.ts'
import { untilStopped } from './until-stopped.ts'
import { saysYes } from './yes-or-no.ts'

interface CalibrateFlags extends EngineFlags {
  readonly requests: number
  readonly maxTokens: number
  readonly seed?: number
  readonly out?: string
  readonly samplesOut?: string
  readonly from?: string[]
  readonly yes?: boolean
  readonly json?: boolean
}

/** Measured here, or read: then nobody says by which model's name and seed. */
type Found = Samples & Pick<CalibrationReport, 'model' | 'seed'>

/** Adds `calibrate` to the program. */
export function addCalibrateCommand(program: Command): void {
  const command = program
    .command('calibrate')
    .description('measure how much honest answers of a model vary here, for an edge to audit by')
  addEngineOptions(command)
    .option('--requests <n>', 'how many to make', count(MAX_REQUESTS), 256)
    .option('--max-tokens <n>', 'of each answer', count(MAX_ANSWER_TOKENS), 128)
    .option('--seed <n>', 'for the same requests again (default: any)', count(MAX_GATEWAY_SEED))
    .option('--out <file>', 'where the calibration goes (default: calibration-SPEC.json)')
    .option('--samples-out <file>', 'keep the raw samples too, as JSON lines')
    .addOption(
      new Option(
        '--from <file...>',
        'measure nothing: put the samples of several machines together',
      ).conflicts(['engine', 'engineUrl', 'model', 'seed', 'samplesOut']),
    )
    .option('--yes', 'do not ask; as with --out')
    .option('--json', 'the result as one JSON object on stdout')
    .action(async (flags: CalibrateFlags) => {
      for (const file of [flags.out, flags.samplesOut]) assertFolder(file ?? '.')
      await assertWanted(flags)
      const found = await ownersFault(async () =>
        flags.from === undefined ? measured(flags) : readSamples(flags.from),
      )
      const { samplesOut } = flags
      if (samplesOut !== undefined) writing(samplesOut, () => writeSamples(samplesOut, found))
      const report = reportOf(found, flags)
      const json = `${JSON.stringify(report.calibration, null, 2)}\n`
      writing(report.file, () => writeFileSync(report.file, json))
      const shown = { ...report, warnings: warningsOf(report) }
      console.log(flags.json ? JSON.stringify(shown) : reportText(report))
    })
}

/** Minutes of the engine's time and a file: what names neither a file nor `--yes` may be a mere try. */
async function assertWanted({
  from,
  maxTokens,
  out,
  requests,
  yes,
}: CalibrateFlags): Promise<void> {
  if (from !== undefined || out !== undefined || yes === true) return
  const plan = `this makes ${requests} requests of at most ${maxTokens} tokens, and calibration-SPEC.json in this folder`
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    const next = 'infernet-agent calibrate --yes, or with --out FILE'
    throw new OwnerError(EXIT.usage, `${plan}, and nobody can be asked here`, { next })
  }
  const isAgreed = await saysYes(`${plan}. Go on?`, untilStopped().signal).catch(() => false)
  if (!isAgreed) throw new OwnerError(EXIT.interrupted, 'nothing was calibrated')
}

function reportOf({ samples, ...found }: Found, { out }: CalibrateFlags): CalibrationReport {
  const calibration = calibrate(samples)
  const file = out ?? `calibration-${found.spec.slice(0, 12)}.json`
  return { ...found, ...summaryOf(samples, calibration), calibration, file }
}

async function measured(flags: CalibrateFlags): Promise<Found> {
  const { requests, maxTokens, slots = DEFAULT_SLOTS, json } = flags
  const { seed = randomInt(MAX_GATEWAY_SEED) + 1 } = flags
  if (requests * maxTokens > MAX_MEASURED_TOKENS) {
    const message = `--requests times --max-tokens is at most ${MAX_MEASURED_TOKENS}`
    throw new OwnerError(EXIT.usage, message)
  }
  const to = terminal(json ? process.stderr : process.stdout)
  const { signal } = untilStopped()
  const engine = createEngine(engineOptions(flags, {}), Date.now)
  try {
    to.spin(`starting ${engine.kind}`)
    await engine.start({
      modelsChanged: () => {},
      trouble: (message) => to.line(`! ${plainText(message)}`),
    })
    to.line(`measuring with ${requests} requests of at most ${maxTokens} tokens`)
    const onProgress = (progress: Progress): void => to.spin(progressText(progress, requests))
    const options = { requests, maxTokens, slots, seed, signal, onProgress }
    const { model, spec, samples } = await measure(engine, options)
    return { spec: specIdOf(spec), samples, model, seed }
  } finally {
    to.spin(undefined)
    await engine.close()
  }
}

function progressText({ answered, scored, tokens }: Progress, requests: number): string {
  const percent = Math.floor((100 * (answered + scored)) / (2 * requests))
  return `${percent} %: ${answered} of ${requests} answered, ${scored} scored (${tokens} tokens)`
}

/** Before minutes of measuring are spent. */
const assertFolder = (file: string): void =>
  writing(file, () => accessSync(dirname(file), constants.W_OK))

function writing(file: string, write: () => void): void {
  try {
    write()
  } catch (error) {
    const reason = errorMessage(error)
    throw new OwnerError(EXIT.usage, `cannot write ${file}: ${reason}`)
  }
}

const EXIT_CODES: Readonly<Record<CalibrationErrorCode, ExitCode>> = {
  no_model: EXIT.engine,
  no_evidence: EXIT.usage,
  cannot_score: EXIT.usage,
  engine_failed: EXIT.engine,
  aborted: EXIT.interrupted,
  bad_samples: EXIT.usage,
  mixed_specs: EXIT.usage,
}

async function ownersFault<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof CalibrationError) {
      throw new OwnerError(EXIT_CODES[error.code], error.message)
    }
    if (error instanceof EngineStartError) throw new OwnerError(EXIT.engine, error.message)
    throw error
  }
}
