// `npm test [-- vitest's arguments]`: all tests, then what was skipped and how to have it run.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { summarize, type VitestReport } from './test-summary.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'infernet-test-'))
const report = join(folder, 'report.json')

const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
const vitest = spawn(
  join(root, 'node_modules', '.bin', 'vitest'),
  ['run', ...reporters, ...process.argv.slice(2)],
  { cwd: root, stdio: 'inherit' },
)
// A Ctrl-C reaches Vitest too, and its exit is ours.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => vitest.kill('SIGTERM'))
const [code] = (await once(vitest, 'exit')) as [number | null]

try {
  const summary = summarize(JSON.parse(readFileSync(report, 'utf8')) as VitestReport)
  console.log(summary.lines.join('\n'))
  const forbidden = process.env['INFERNET_NO_SKIP'] === '1' && summary.skipped > 0
  if (forbidden) console.log('INFERNET_NO_SKIP is set: a skipped test is a failure.')
  process.exitCode = code === 0 && forbidden ? 1 : (code ?? 1)
} catch {
  console.log('The tests did not run to their end.')
  process.exitCode = code || 1
} finally {
  rmSync(folder, { recursive: true })
}
