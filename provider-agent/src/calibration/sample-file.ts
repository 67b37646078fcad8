import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { MAX_EXCESS } from '@infernet/verification/replay/excess'
import type { Scores } from '@infernet/verification/evidence/calibration'
import { z } from 'zod'
import { errorMessage } from '../error-message.ts'
import { CalibrationError } from './calibration-error.ts'
import { MAX_ANSWER_TOKENS, MAX_SAMPLES_BYTES } from './calibration-limits.ts'

/** Logprobs on the wire are above -10,000. */
const MAX_LP_DIFFERENCE = 10_000

/** JSON has no NaN, which says that nothing can be said of a token. */
const nats = (max: number) =>
  z
    .array(z.union([z.number().min(0).max(max), z.null().transform(() => NaN)]))
    .max(MAX_ANSWER_TOKENS)

/** One line: the scores of one answer. Each names its spec, so that files can be joined. */
const sampleSchema = z
  .strictObject({
    v: z.literal(1),
    spec: z.string().regex(/^[0-9a-f]{64}$/),
    excess: nats(MAX_EXCESS),
    lp_difference: nats(MAX_LP_DIFFERENCE),
  })
  .refine(({ excess, lp_difference }) => excess.length === lp_difference.length)

/** Samples of one spec; `spec` is its id. */
export interface Samples {
  readonly spec: string
  readonly samples: readonly Scores[]
}

/** Writes JSON lines, a line for each answer, over whatever the file was. */
export function writeSamples(file: string, { spec, samples }: Samples): void {
  writeFileSync(file, '')
  for (const { excess, lpDifference } of samples) {
    appendFileSync(file, `${JSON.stringify({ v: 1, spec, excess, lp_difference: lpDifference })}\n`)
  }
}

/** Reads the files of several machines together. Throws {@link CalibrationError}. */
export function readSamples(files: readonly string[]): Samples {
  const bytes = files.reduce((sum, file) => sum + sizeOf(file), 0)
  if (bytes > MAX_SAMPLES_BYTES) {
    throw bad(
      `${bytes} bytes of samples are too many: name fewer files, ${MAX_SAMPLES_BYTES} at most`,
    )
  }
  const lines = files.flatMap(linesOf)
  const [spec, ...others] = new Set(lines.map((line) => line.spec))
  if (spec === undefined) throw bad(`no samples in ${files.join(', ')}`)
  if (others.length > 0) {
    const message = `samples of several specs tell nothing together: ${[spec, ...others].join(', ')}`
    throw new CalibrationError('mixed_specs', message)
  }
  return {
    spec,
    samples: lines.map(({ excess, lp_difference }) => ({ excess, lpDifference: lp_difference })),
  }
}

const sizeOf = (file: string): number => reading(file, () => statSync(file).size)

function linesOf(file: string): z.output<typeof sampleSchema>[] {
  const lines = reading(file, () => readFileSync(file, 'utf8')).split('\n')
  return lines.flatMap((line, i) => (line === '' ? [] : [sampleOf(line, `${file}:${i + 1}`)]))
}

function sampleOf(line: string, where: string): z.output<typeof sampleSchema> {
  try {
    return sampleSchema.parse(JSON.parse(line))
  } catch {
    throw bad(`${where} is no sample: give what 'calibrate --samples-out' wrote`)
  }
}

function reading<T>(file: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    const reason = errorMessage(cause)
    throw bad(`cannot read ${file}: ${reason}`)
  }
}

const bad = (message: string): CalibrationError => new CalibrationError('bad_samples', message)
