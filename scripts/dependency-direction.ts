// The arrows between the workspaces only point up this table, and every one is declared.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A workspace may import only from rows above its own; those in one row never meet. */
const LAYERS: readonly (readonly string[])[] = [
  ['schemas'],
  ['openai-compat', 'verification', 'models'],
  ['settlement'],
  ['edge', 'provider-agent', 'aggregator'],
  ['e2e', 'bench'],
]

export interface SourceFile {
  /** Relative to the repository: `edge/src/app.ts`. */
  readonly path: string
  readonly text: string
}

const IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"]+)['"]/g

/**
 * What is wrong with the imports of `files`, a line each. `declared` has the `@infernet/…`
 * dependencies of each workspace's package.json.
 */
export function violations(
  files: readonly SourceFile[],
  declared: ReadonlyMap<string, ReadonlySet<string>>,
): string[] {
  return files.flatMap((file) => {
    const from = workspaceOf(file.path)
    const imports = [...file.text.matchAll(IMPORT)].map(([, specifier = '']) => specifier)
    return imports.flatMap((specifier) => {
      const to = importedWorkspace(file.path, specifier)
      if (to === undefined || to === from) return []
      const fault = faultOf(from, to, specifier, declared)
      return fault === undefined ? [] : [`${file.path}: '${specifier}' ${fault}`]
    })
  })
}

function faultOf(
  from: string,
  to: string,
  specifier: string,
  declared: ReadonlyMap<string, ReadonlySet<string>>,
): string | undefined {
  if (!specifier.startsWith('@infernet/')) return `leaves its workspace: import @infernet/${to}/…`
  if (layerOf(to) >= layerOf(from)) return `points the wrong way: ${from} may not know ${to}`
  if (!declared.get(from)?.has(`@infernet/${to}`)) return `is not declared in ${from}/package.json`
  return undefined
}

function layerOf(workspace: string): number {
  const layer = LAYERS.findIndex((row) => row.includes(workspace))
  if (layer < 0)
    throw new Error(`'${workspace}' has no row in LAYERS of scripts/dependency-direction.ts`)
  return layer
}

const workspaceOf = (path: string): string => path.split('/', 1)[0] ?? ''

function importedWorkspace(path: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) return workspaceOf(join(path, '..', specifier))
  return /^@infernet\/([^/]+)/.exec(specifier)?.[1]
}

function main(): void {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const read = (path: string) => readFileSync(join(root, path), 'utf8')
  const { workspaces } = JSON.parse(read('package.json')) as { workspaces: string[] }
  const declared = new Map(
    workspaces.map((workspace) => {
      const manifest = JSON.parse(read(`${workspace}/package.json`)) as Record<string, object>
      const names = Object.keys({ ...manifest['dependencies'], ...manifest['devDependencies'] })
      return [workspace, new Set(names)]
    }),
  )
  const paths = workspaces.flatMap((workspace) =>
    globSync(`${workspace}/src/**/*.ts`, { cwd: root }),
  )
  const faults = violations(
    paths.map((path) => ({ path, text: read(path) })),
    declared,
  )
  for (const fault of faults) console.error(fault)
  process.exitCode = faults.length === 0 ? 0 : 1
}

if (import.meta.main) main()
