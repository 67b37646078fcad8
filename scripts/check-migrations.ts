// Whether the migrations make exactly the tables of schemas/src/*tables.ts.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
// drizzle-kit takes only an output folder relative to where it runs.
const copy = mkdtempSync(join(root, 'node_modules', '.migrations-'))
try {
  const before = copyMigrations()
  runDrizzleKit('check', '--dialect', 'postgresql', '--out', relative(root, copy))
  const tables = join('schemas', 'src', '*tables.ts')
  const options = ['--dialect', 'postgresql', '--schema', tables, '--out', relative(root, copy)]
  runDrizzleKit('generate', ...options)
  const missing = readdirSync(copy).filter((name) => !before.includes(name))
  for (const name of missing) {
    console.error(
      `A migration is missing: npx drizzle-kit generate would add\n${readFileSync(join(copy, name), 'utf8')}`,
    )
    process.exitCode = 1
  }
} finally {
  rmSync(copy, { recursive: true })
}

function copyMigrations(): string[] {
  cpSync(join(root, 'migrations'), copy, { recursive: true })
  return readdirSync(copy)
}

function runDrizzleKit(...args: string[]): void {
  const { status, stdout, stderr } = spawnSync(join(root, 'node_modules/.bin/drizzle-kit'), args, {
    cwd: root,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`drizzle-kit ${args[0]} failed:\n${stdout}${stderr}`)
}
