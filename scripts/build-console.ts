// Bundles edge/src/console/page/ into edge/src/console/console-files.ts, which both hosts serve without a
// build of their own. `--check` says whether that was done since the page has changed.
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { build } from 'esbuild'

const ROOT = join(import.meta.dirname, '..')
const PAGE = join(ROOT, 'edge/src/console/page')
const OUT = join(ROOT, 'edge/src/console/console-files.ts')
/** Browsers of the last three years. */
const TARGET = ['chrome120', 'firefox121', 'safari17.4']

/** The bundle of an entry point, small. */
async function bundled(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(PAGE, entry)],
    bundle: true,
    minify: true,
    format: 'esm',
    target: TARGET,
    charset: 'utf8',
    write: false,
    logLevel: 'error',
  })
  return outputFiles.map(({ text }) => text).join('')
}

const read = (name: string): string => readFileSync(join(PAGE, name), 'utf8')

async function generated(): Promise<string> {
  const files = {
    '': { type: 'text/html; charset=utf-8', body: read('index.html').replaceAll(/\n\s+/g, '\n') },
    'console.css': { type: 'text/css; charset=utf-8', body: await bundled('console.css') },
    'console.js': { type: 'text/javascript; charset=utf-8', body: await bundled('main.ts') },
    'icon.svg': { type: 'image/svg+xml', body: read('icon.svg') },
  }
  const tagged = Object.entries(files).map(([name, file]) => [
    name,
    { ...file, etag: tagOf(file.body) },
  ])
  return [
    '// Made by `node scripts/build-console.ts` out of page/: change that, and make this anew.',
    '/** What the console consists of, by its path under `/console/`. */',
    `export const CONSOLE_FILES = ${JSON.stringify(Object.fromEntries(tagged), null, 2)} as const`,
    '',
  ].join('\n')
}

const tagOf = (body: string): string =>
  `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`

const text = await generated()
if (!process.argv.includes('--check')) writeFileSync(OUT, text)
else if (readFileSync(OUT, 'utf8') !== text) {
  console.error(`${relative(ROOT, OUT)} is older than its page: node scripts/build-console.ts`)
  process.exitCode = 1
}
