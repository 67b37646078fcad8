import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readGgufHeader } from '@infernet/models/gguf-reader'
import { demoModel } from '../engines/model-file.ts'

/** The demo model with weights that are no numbers: a file that every check takes for good. Returns its path. */
export function damagedModel(): string {
  const file = readFileSync(demoModel().path)
  const { tensors, dataStart } = readGgufHeader(file)
  const { offset = 0, elements = 0 } = tensors.get('output_norm.weight') ?? {}
  for (let i = 0; i < elements; i++) file.writeFloatLE(Number.NaN, dataStart + offset + 4 * i)
  const path = join(mkdtempSync(join(tmpdir(), 'infernet-')), 'damaged.gguf')
  writeFileSync(path, file)
  return path
}
