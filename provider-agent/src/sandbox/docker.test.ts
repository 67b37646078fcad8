import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { canStartDocker, DockerDaemon } from '../testing/docker-daemon.ts'
import { describeContainers } from './container-conformance.ts'
import { ContainerDriver } from './container.ts'
import { findTool } from './find-tool.ts'
import { openSandbox } from './open-sandbox.ts'
import { runConfined } from './run-confined.ts'
import { describeSandbox } from './sandbox-conformance.ts'

const NEEDS = 'needs root, and: apt-get install docker.io runc'

describe.skipIf(!canStartDocker())(`docker (${NEEDS})`, () => {
  let daemon: DockerDaemon
  beforeAll(async () => {
    daemon = await DockerDaemon.start()
  })
  afterAll(() => daemon.stop())

  const make = (hidden: readonly string[]) => new ContainerDriver({ tool: 'docker', hidden })
  describe('with its own runtime', () => {
    describeSandbox(make)
    describeContainers(make, {
      program: findTool('docker') ?? '',
      root: () => ['infernet-empty:1'],
    })

    it('lets in no proxy that its owner has set for containers', async () => {
      const settings = mkdtempSync(join(tmpdir(), 'infernet-'))
      const proxy = 'http://me:secret@127.0.0.1:9'
      const all = { httpProxy: proxy, httpsProxy: proxy, ftpProxy: proxy, noProxy: 'secret' }
      writeFileSync(join(settings, 'config.json'), JSON.stringify({ proxies: { default: all } }))
      process.env['DOCKER_CONFIG'] = settings
      const driver = make([])
      try {
        const limits = { memoryBytes: 64 * 1024 ** 2, pids: 8, timeMs: 30_000, outputBytes: 10_000 }
        const job = { file: '/usr/bin/env', args: [], input: new Uint8Array(), limits }
        const { output } = await runConfined(driver, job)
        expect(output.toString()).toContain('HOME=/tmp')
        expect(output.toString()).not.toMatch(/secret|proxy/i)
      } finally {
        delete process.env['DOCKER_CONFIG']
        driver.close()
      }
    })

    it('does not start with a runtime that docker does not know', async () => {
      await expect(openSandbox({ choice: 'docker', runtime: 'crun' }, [])).rejects.toMatchObject({
        code: 'broken',
        message: expect.stringMatching(/runtime.*crun/),
        fix: expect.stringMatching(/daemon\.json/),
      })
    })
  })

  // The rest of the suite is podman's in gVisor, to which nothing is told otherwise.
  it.skipIf(findTool('runsc') === undefined)(
    'has a kernel of its own in gVisor (needs: apt-get install runsc)',
    async () => {
      const { driver, gaps } = await openSandbox({ choice: 'docker', runtime: 'runsc' }, [])
      expect(driver.name).toBe('docker+runsc')
      expect(gaps).toEqual(['the share of the processors is not limited'])
      driver.close()
    },
  )
})
