/**
 * Loaded before a program by {@link fakeCards}: what it, and what it starts, look for in `/sys/class/drm` they find in another
 * folder.
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

const DRM = '/sys/class/drm'
const other = process.env['TEST_DRM'] ?? DRM
const moved = (path: unknown): unknown =>
  typeof path === 'string' && path.startsWith(DRM) ? other + path.slice(DRM.length) : path

type Called = (path: unknown, ...rest: unknown[]) => unknown

/** Has a function of `of` look elsewhere. */
function move(of: object, name: string): void {
  const functions = of as Record<string, Called>
  const was = functions[name]
  if (was !== undefined) functions[name] = (path, ...rest) => was.call(of, moved(path), ...rest)
}

for (const name of ['readFile', 'readdir', 'readlink']) move(fs.promises, name)
for (const name of ['readFileSync', 'readdirSync', 'readlinkSync', 'openSync']) move(fs, name)
syncBuiltinESMExports()
