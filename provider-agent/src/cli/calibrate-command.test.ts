import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { once } from 'node:events'
import { calibrate, calibrationSchema } from '@infernet/verification/evidence/calibration'
import { describe, expect, it } from 'vitest'
import { readSamples } from '../calibration/sample-file.ts'
import { EXIT } from '../exit-codes.ts'
import { FakeEngine } from '../testing/fake-engine.ts'

const MAIN = join(import.meta.dirname, 'main.ts')
const TINY = ['--engine', 'tiny', '--requests', '6', '--max-tokens', '16', '--seed', '3']

/** Runs `calibrate` in a folder, where its owner wants it. */
const run = (cwd: string, ...args: string[]) => calibrateIn(cwd, '--yes', ...args)

async function calibrateIn(cwd: string, ...args: string[]) {
  const child = spawn(process.execPath, [MAIN, 'calibrate', ...args], { cwd })
  const output = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  const [out, err] = await output
  return { code: child.exitCode, out, err }
}

const newFolder = () => mkdtempSync(join(tmpdir(), 'infernet-'))
const calibrationAt = (file: string) =>
  calibrationSchema.parse(JSON.parse(readFileSync(file, 'utf8')))

describe('infernet-agent calibrate', () => {
  it('writes a calibration, and says what it saw and what comes next', async () => {
    const folder = newFolder()
    const { code, out, err } = await run(folder, ...TINY)
    expect({ code, err }).toEqual({ code: EXIT.ok, err: '' })
    const [file = ''] = readdirSync(folder)
    expect(file).toMatch(/^calibration-[0-9a-f]{12}\.json$/)
    expect(calibrationAt(join(folder, file)).requests).toBe(6)
    const spec = /^spec +([0-9a-f]{64})$/m.exec(out)?.[1] ?? ''
    expect(file).toContain(spec.slice(0, 12))
    expect(out).toContain(
      `curl -X PUT $EDGE/operator/calibrations/${spec} -H "Authorization: Bearer $OPERATOR_TOKEN" --data @${file}`,
    )
    expect(out).toContain('6 requests are too few')
    expect(out).toContain('one machine shows the least noise')
  })

  it('measures on several machines, and puts their samples together', async () => {
    const folder = newFolder()
    const first = await run(folder, ...TINY, '--json', '--samples-out', 'one', '--out', 'a.json')
    const report = JSON.parse(first.out) as Record<string, unknown>
    expect(report).toMatchObject({ requests: 6, seed: 3, model: 'infernet-demo', file: 'a.json' })
    expect(report['calibration']).toEqual(calibrationAt(join(folder, 'a.json')))
    const seed = [...TINY.slice(0, -1), '4']
    await run(folder, ...seed, '--samples-out', 'other', '--out', 'b.json')
    const both = await run(folder, '--from', 'one', 'other', '--out', 'both.json', '--json')
    expect(both).toMatchObject({ code: EXIT.ok, err: '' })
    expect(JSON.parse(both.out)).toMatchObject({ spec: report['spec'], requests: 12 })
    const { samples } = readSamples(['one', 'other'].map((name) => join(folder, name)))
    expect(calibrationAt(join(folder, 'both.json'))).toEqual(calibrate(samples))
  })

  it('does nothing where nobody has named a file, said --yes or can be asked', async () => {
    const folder = newFolder()
    const { code, out, err } = await calibrateIn(folder, ...TINY)
    expect({ code, out, files: readdirSync(folder) }).toEqual({
      code: EXIT.usage,
      out: '',
      files: [],
    })
    expect(err).toMatch(/6 requests of at most 16 tokens.*\n→ infernet-agent calibrate --yes/)
  })

  it('says why an engine that shows no evidence needs none', async () => {
    const server = new FakeEngine()
    await server.start()
    const { code, err } = await run(newFolder(), '--engine-url', server.url)
    await server.close()
    expect(code).toBe(EXIT.usage)
    expect(err).toContain('its answers are not audited')
  })

  it.each([
    [['--engine', 'tiny', '--model', '/no/such.gguf'], EXIT.engine, '/no/such.gguf'],
    [['--engine-url', 'http://127.0.0.1:1'], EXIT.engine, 'serves no model now'],
    [['--requests', '0'], EXIT.usage, 'from 1 to'],
    [['--requests', '8192', '--max-tokens', '4096'], EXIT.usage, 'is at most'],
    [['--from', 'nowhere'], EXIT.usage, 'cannot read nowhere'],
    [['--from', 'x', '--model', 'm'], EXIT.usage, 'cannot be used with'],
    [['--out', 'no/such/folder.json'], EXIT.usage, 'cannot write no/such/folder.json'],
  ])('explains %j', async (args, code, message) => {
    const result = await run(newFolder(), ...args)
    expect(result.code).toBe(code)
    expect(result.err).toContain(message)
  })

  it('stops at Ctrl-C, and writes nothing', async () => {
    const folder = newFolder()
    const args = ['--engine', 'tiny', '--yes', '--requests', '8000', '--samples-out', 'samples']
    const child = spawn(process.execPath, [MAIN, 'calibrate', ...args], { cwd: folder })
    const err = text(child.stderr)
    await once(child.stdout, 'data')
    child.kill('SIGINT')
    await once(child, 'close')
    expect(child.exitCode).toBe(EXIT.interrupted)
    expect(await err).toContain('nothing was calibrated')
    expect(readdirSync(folder)).toEqual([])
  })
})
