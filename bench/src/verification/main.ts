/**
 * `npm run bench:verification`: how soon cheats are found, with a real engine and the project's own
 * verification; see the README. Prints Markdown and writes `results/verification.md`. A goal that is not met
 * is reported, not punished.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { loadTinyModel } from '@infernet/models/tiny-model'
import { BadOption } from '../options.ts'
import { createProgress } from '../progress.ts'
import { readCorpus } from './corpus.ts'
import { startEngine } from './engine.ts'
import { modelFiles } from './model-cache.ts'
import { parseOptions } from './options.ts'
import { render } from './report.ts'
import { run } from './run.ts'

const RESULTS = join(import.meta.dirname, '../../results')

/** JSON has no number for them. */
const asText = (_: string, value: unknown) =>
  typeof value === 'bigint' || value === Infinity ? `${value}` : value

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))
try {
  const options = parseOptions(process.argv.slice(2))
  const progress = createProgress(process.stderr)
  const corpus = readCorpus()
  const files = await modelFiles(corpus, progress.step)
  const { tokenizer } = loadTinyModel(await readFile(files.f16))
  const engine = startEngine()
  const bench = { engine, files, corpus, tokenizer, vocabSize: tokenizer.size }
  const report = await run(bench, options, progress.step).finally(() => engine.close())
  progress.done()
  const markdown = render(report)
  // What is quick is no result to keep.
  if (!options.isQuick) {
    await mkdir(RESULTS, { recursive: true })
    await writeFile(join(RESULTS, 'verification.md'), markdown)
  }
  console.log(options.isJson ? JSON.stringify(report, asText, 2) : markdown)
} catch (error) {
  if (!(error instanceof BadOption)) throw error
  console.error(error.message)
  process.exitCode = 2
}
