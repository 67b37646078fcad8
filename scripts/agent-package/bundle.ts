import { readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { AGENT_VERSION } from '@infernet/provider-agent/version'
import { build, type Metafile, type Plugin } from 'esbuild'
import { moveOwnFiles, type OwnFile } from './own-files.ts'

const ROOT = join(import.meta.dirname, '../..')

/** Too heavy to come along: whoever wants its engine installs it. */
export const HEAVY = 'node-llama-cpp'

/**
 * What Node 20 lacks of what the agent uses; tsconfig.json beside this says that it is no more. And some
 * dependencies are CommonJS and call `require` for Node's own modules.
 */
const BANNER = `
import { createRequire as requireFrom } from 'node:module';
const require = requireFrom(import.meta.url);
Promise.withResolvers ??= function () {
  const resolvers = {};
  resolvers.promise = new this((resolve, reject) => Object.assign(resolvers, { resolve, reject }));
  return resolvers;
};
Map.groupBy ??= (items, keyOf) => {
  const groups = new Map();
  let at = 0;
  for (const item of items) {
    const key = keyOf(item, at++);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
};`

/** Each workspace has a zod of its own; one is enough to carry, and to keep in memory. */
const ZOD = dirname(
  createRequire(join(ROOT, 'provider-agent/src/agent.ts')).resolve('zod/package.json'),
)

const VERSION_FILE = join(ROOT, 'provider-agent/src/version.ts')

/** What a bundle was made of, and what has to lie beside it. */
export interface Bundle {
  readonly metafile: Metafile
  readonly data: readonly OwnFile[]
  /** Packages whose files it reads. */
  readonly packages: readonly string[]
}

/** Puts the agent's programs as JavaScript for Node 20, and as `version`, into `folder`, which has nothing else. */
export async function bundleAgent(folder: string, version: string): Promise<Bundle> {
  let programs: readonly OwnFile[] = [
    { path: join(ROOT, 'provider-agent/src/cli/main.ts'), name: 'infernet-agent.js' },
  ]
  for (;;) {
    const found: OwnFile[] = []
    const packages = new Set<string>()
    const metafile = await bundle(folder, version, programs, found, packages)
    const known = new Set(programs.map(({ path }) => path))
    const more = found.filter((file) => isProgram(file) && !known.has(file.path))
    if (more.length === 0) {
      return { metafile, data: found.filter((file) => !isProgram(file)), packages: [...packages] }
    }
    programs = [...programs, ...more]
  }
}

const isProgram = ({ path }: OwnFile): boolean => path.endsWith('.ts')

async function bundle(
  folder: string,
  version: string,
  programs: readonly OwnFile[],
  found: OwnFile[],
  packages: Set<string>,
): Promise<Metafile> {
  rmSync(folder, { recursive: true, force: true })
  const { metafile } = await build({
    entryPoints: programs.map(({ path, name }) => ({ in: path, out: name.replace(/\.js$/, '') })),
    outdir: folder,
    absWorkingDir: ROOT,
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'error',
    legalComments: 'none',
    metafile: true,
    external: [HEAVY],
    alias: { zod: ZOD },
    banner: { js: BANNER },
    plugins: [withoutLocales, ownFiles(version, found, packages)],
  })
  return metafile
}

/** Messages in fifty languages are two thirds of all the code, and only the English ones are used. */
const withoutLocales: Plugin = {
  name: 'without locales',
  setup({ onLoad }) {
    onLoad({ filter: /\/zod\/v4\/locales\/index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js'",
    }))
  },
}

const ownFiles = (version: string, found: OwnFile[], packages: Set<string>): Plugin => ({
  name: 'own files',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      if (path.includes('/node_modules/')) return undefined
      const source = readFileSync(path, 'utf8')
      const moved = moveOwnFiles(path, path === VERSION_FILE ? asVersion(source, version) : source)
      found.push(...moved.files)
      for (const name of moved.packages) packages.add(name)
      return { contents: moved.text, loader: 'ts' }
    })
  },
})

const asVersion = (source: string, version: string): string =>
  source.replace(`'${AGENT_VERSION}'`, `'${version}'`)
