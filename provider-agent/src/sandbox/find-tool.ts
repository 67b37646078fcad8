import { delimiter, join } from 'node:path'
import { isProgram } from '../engines/managed/find-program.ts'

/** Where systems keep what only root is expected to type. */
const MORE = ['/usr/sbin', '/sbin', '/usr/local/sbin']

/** The path of a program; undefined where it is not installed. */
export function findTool(name: string, path = process.env['PATH'] ?? ''): string | undefined {
  return [...path.split(delimiter), ...MORE]
    .filter((folder) => folder.startsWith('/'))
    .map((folder) => join(folder, name))
    .find(isProgram)
}
