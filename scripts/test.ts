// `npm test [-- vitest's arguments]`: all tests, then what was skipped and how to have it run. With
// `--compatibility` it writes the README's table out of the results; a whole run without it fails when
// the table says something else.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compatibilityTable, withTable } from './compatibility.ts'
import { summarize, type VitestReport } from './test-summary.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'infernet-test-'))
const report = join(folder, 'report.json')
const readme = join(root, 'README.md')
const COMPATIBILITY = '--compatibility'
const args = process.argv.slice(2).filter((arg) => arg !== COMPATIBILITY)

const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
const vitest = spawn(join(root, 'node_modules', '.bin', 'vitest'), ['run', ...reporters, ...args], {
  cwd: root,
  stdio: 'inherit',
})
// A Ctrl-C reaches Vitest too, and its exit is ours.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => vitest.kill('SIGTERM'))
const [code] = (await once(vitest, 'exit')) as [number | null]

try {
  const results = JSON.parse(readFileSync(report, 'utf8')) as VitestReport
  const summary = summarize(results)
  console.log(summary.lines.join('\n'))
  const forbidden = process.env['INFERNET_NO_SKIP'] === '1' && summary.skipped > 0
  if (forbidden) console.log('INFERNET_NO_SKIP is set: a skipped test is a failure.')
  const stale = code === 0 && args.length === 0 && !updateReadme(results)
  process.exitCode = code === 0 && (forbidden || stale) ? 1 : (code ?? 1)
} catch {
  console.log('The tests did not run to their end.')
  process.exitCode = code || 1
} finally {
  rmSync(folder, { recursive: true })
}

/** Writes the README's table if asked to; false when it says something else than these results. */
function updateReadme(results: VitestReport): boolean {
  const text = readFileSync(readme, 'utf8')
  const fresh = withTable(text, compatibilityTable(results))
  if (fresh === text) return true
  if (process.argv.includes(COMPATIBILITY)) {
    writeFileSync(readme, fresh)
    return true
  }
  console.log(`The README's compatibility table is stale: npm test -- ${COMPATIBILITY}`)
  return false
}
