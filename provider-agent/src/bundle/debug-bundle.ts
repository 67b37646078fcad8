import { gzipSync } from 'node:zlib'
import { plainJson, plainLines } from '../plain-text.ts'
import type { Redactor } from './redact.ts'
import { tarOf } from './tar.ts'

/** One part of a bundle, with secrets still in it. */
export interface BundlePart {
  /** Such as `doctor.json`; the form follows from it: one value, one value a line, or text. */
  readonly name: `${string}.json` | `${string}.jsonl` | `${string}.txt`
  /** What is in it, in a line. */
  readonly about: string
  readonly content: unknown
}

export interface DebugBundle {
  /** A tar.gz. */
  readonly bytes: Uint8Array
  readonly files: readonly {
    readonly name: string
    readonly about: string
    readonly bytes: number
  }[]
}

const FOLDER = 'infernet-debug'

/** Puts the parts without their secrets into one archive. `at` in ms since the epoch. */
export function debugBundle(
  parts: readonly BundlePart[],
  redact: Redactor,
  at: number,
): DebugBundle {
  const files = parts.map(({ name, about, content }) => ({
    name,
    about,
    bytes: Buffer.from(shown(name, content, redact)),
  }))
  const archive = tarOf(
    files.map(({ name, bytes }) => ({ name: `${FOLDER}/${name}`, bytes })),
    at,
  )
  return {
    bytes: gzipSync(archive),
    files: files.map(({ name, about, bytes }) => ({ name, about, bytes: bytes.length })),
  }
}

function shown(name: string, content: unknown, { value, text }: Redactor): string {
  if (name.endsWith('.json')) return `${plainJson(value(content), 2)}\n`
  if (!name.endsWith('.jsonl') || !Array.isArray(content)) return plainLines(text(String(content)))
  return content.map((one) => `${plainJson(value(one))}\n`).join('')
}
