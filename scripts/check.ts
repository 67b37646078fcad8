// `npm run check`: everything that can be told without running the tests, side by side.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { delimiter, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { styleText } from 'node:util'

const CHECKS: Readonly<Record<string, string>> = {
  types: 'tsc -p tsconfig.json',
  'types for Cloudflare': 'tsc -p edge/src/hosts/cloudflare/tsconfig.json',
  'types for Node 20': 'tsc -p scripts/agent-package/tsconfig.json',
  'types for the console': 'tsc -p edge/src/console/page/tsconfig.json',
  'console is built': 'node scripts/build-console.ts --check',
  lint: 'oxlint',
  format: 'oxfmt --check',
  'unused code': 'knip --no-progress',
  'dependency direction': 'node scripts/dependency-direction.ts',
  migrations: 'node scripts/check-migrations.ts',
}

const root = fileURLToPath(new URL('..', import.meta.url))
const env = {
  ...process.env,
  PATH: [join(root, 'node_modules', '.bin'), process.env['PATH']].join(delimiter),
}

async function passes([name, command]: [string, string]): Promise<boolean> {
  const begun = performance.now()
  const [program = '', ...args] = command.split(' ')
  const child = spawn(program, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ])
  const ok = code === 0
  const seconds = ((performance.now() - begun) / 1000).toFixed(1)
  console.log(
    `${ok ? styleText('green', 'ok  ') : styleText('red', 'FAIL')} ${name} (${seconds} s): ${command}`,
  )
  if (!ok) console.log(`${stdout}${stderr}`.trimEnd())
  return ok
}

const results = await Promise.all(Object.entries(CHECKS).map(passes))
process.exitCode = results.every(Boolean) ? 0 : 1
