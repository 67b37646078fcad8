import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const bootstrap = fileURLToPath(new URL('bootstrap.mjs', import.meta.url))

/** In a repository of its own, with an npm that only says that it was called. */
describe('bootstrap', () => {
  let root: string
  let env: NodeJS.ProcessEnv
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'infernet-bootstrap-'))
    await mkdir(join(root, 'scripts'))
    await copyFile(bootstrap, join(root, 'scripts/bootstrap.mjs'))
    await writeFile(join(root, 'package.json'), '{"type":"module"}')
    await writeFile(join(root, 'package-lock.json'), '{"first":1}')
    const target = `
      process.on('SIGTERM', () => process.exit(7))
      console.log(process.argv.slice(2).join())
      if (process.argv[2] === 'wait') setInterval(() => {}, 1000)
      else process.exitCode = 3`
    await writeFile(join(root, 'scripts/target.ts'), target)
    const npm = `
      import { mkdirSync } from 'node:fs'
      mkdirSync('node_modules', { recursive: true })
      console.log('npm', process.argv[2])
      process.exit(Number(process.env.NPM_FAILS ?? 0))`
    await writeFile(join(root, 'npm.js'), npm)
    env = { PATH: process.env['PATH'], npm_execpath: join(root, 'npm.js') }
  })
  afterEach(() => rm(root, { recursive: true }))

  const program = () => join(root, 'scripts/bootstrap.mjs')
  const run = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [program(), ...args], {
      env,
      encoding: 'utf8',
    })
    return { status, stdout, stderr }
  }

  it('installs when there is nothing, off stdout, and runs the target with its arguments', () => {
    const { status, stdout, stderr } = run('target', 'a', '--b')
    expect({ status, stdout }).toEqual({ status: 3, stdout: 'a,--b\n' })
    expect(stderr).toContain('npm ci\n')
  })

  it('installs again only when the lockfile changes', async () => {
    run('target')
    expect(run('target').stderr).toBe('')
    await writeFile(join(root, 'package-lock.json'), '{"second":2}')
    expect(run('target').stderr).toContain('npm ci\n')
    expect(run('target').stderr).toBe('')
  })

  it('leaves alone what npm installed when called by hand', async () => {
    await mkdir(join(root, 'node_modules'))
    await writeFile(join(root, 'node_modules/.package-lock.json'), '{}')
    const asItIs = { status: 3, stdout: '\n', stderr: '' }
    expect(run('target')).toEqual(asItIs)
    await writeFile(join(root, 'package-lock.json'), '{"second":2}')
    await writeFile(join(root, 'node_modules/.package-lock.json'), '{}')
    expect(run('target')).toEqual(asItIs)
  })

  it('fails when the installation does, and tries again', () => {
    env['NPM_FAILS'] = '1'
    expect(run('target')).toMatchObject({ status: 1, stdout: '' })
    env['NPM_FAILS'] = '0'
    expect(run('target').stderr).toContain('npm ci\n')
  })

  it('prefers the Node that npm installed', async () => {
    run('target')
    await mkdir(join(root, 'node_modules/.bin'))
    const fake =
      '#!/bin/sh\n[ "$1" = --version ] && echo v24.0.0 || echo "installed node: ${1##*/}"\n'
    await writeFile(join(root, 'node_modules/.bin/node'), fake, { mode: 0o755 })
    expect(run('target').stdout).toBe('installed node: target.ts\n')
    await writeFile(join(root, 'node_modules/.bin/node'), fake.replace('24', '20'), { mode: 0o755 })
    expect(run('target').stdout).toBe('\n')
  })

  it('says when there is no such target', () => {
    expect(run('nothing')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('nothing.ts'),
    })
    expect(run().status).toBe(1)
  })

  it('passes signals on, and ends with the shell that npm started', async () => {
    run('target')
    const direct = spawn(process.execPath, [program(), 'target', 'wait'], { env })
    await once(direct.stdout, 'data')
    direct.kill('SIGTERM')
    expect(await once(direct, 'exit')).toEqual([7, null])

    const shell = spawn('sh', ['-c', `'${process.execPath}' '${program()}' target wait; true`], {
      env: { ...env, npm_lifecycle_event: 'start' },
    })
    await once(shell.stdout, 'data')
    shell.kill('SIGKILL')
    await once(shell, 'close') // the target held its stdout open
  })
})
