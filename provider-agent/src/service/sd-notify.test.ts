import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { sdNotify } from './sd-notify.ts'

/** Until a program counts as one that never runs: a busy machine is slow. */
const PATIENCE = { timeout: 30_000 }
const newDirectory = (): string => mkdtempSync(join(tmpdir(), 'infernet-'))
const noTrouble = (message: string): void => expect.unreachable(message)

/** A `systemd-notify` that writes its arguments to a file, one line each time it is run. */
function fakeProgram(script = 'printf "%s|" "$@" >> "$0.said"; echo >> "$0.said"') {
  const folder = newDirectory()
  const path = join(folder, 'systemd-notify')
  writeFileSync(path, `#!/bin/sh\n${script}\n`)
  chmodSync(path, 0o755)
  const said = (): string[] =>
    existsSync(`${path}.said`) ? readFileSync(`${path}.said`, 'utf8').split('\n').slice(0, -1) : []
  const env = { PATH: `${folder}:${process.env['PATH']}`, NOTIFY_SOCKET: '/nowhere' }
  return { env, said }
}

describe('sdNotify', () => {
  it('says words one run after the other, and together what has gathered meanwhile', async () => {
    const { env, said } = fakeProgram()
    const notify = sdNotify({ ...env, WATCHDOG_USEC: '2000000' }, 1, noTrouble)
    expect(notify.beatMs).toBe(1_000)
    notify.beat()
    notify.status('one')
    notify.status('two')
    notify.ready()
    await expect
      .poll(said, PATIENCE)
      .toEqual(['EXTEND_TIMEOUT_USEC=3000000|', 'STATUS=two|READY=1|'])
    notify.beat()
    await expect.poll(() => said().at(-1), PATIENCE).toBe('WATCHDOG=1|')
    notify.stopping()
    await expect.poll(() => said().at(-1), PATIENCE).toBe('STOPPING=1|')
  })

  it('lets nobody put words of their own into a status', async () => {
    const { env, said } = fakeProgram()
    sdNotify(env, 1, noTrouble).status(`edge said:\nMAINPID=1\u0000\r\n${'x'.repeat(1000)}`)
    await expect.poll(said, PATIENCE).toHaveLength(1)
    expect(said()[0]).toMatch(/^STATUS=edge said: MAINPID=1 x{170,200}\|$/)
  })

  it('does nothing where systemd does not listen', async () => {
    const { env, said } = fakeProgram()
    const notify = sdNotify({ PATH: env.PATH, WATCHDOG_USEC: '1000' }, 1, noTrouble)
    expect(notify.beatMs).toBeUndefined()
    notify.ready()
    notify.beat()
    const listened = sdNotify(env, 1, noTrouble)
    listened.ready()
    await expect.poll(said, PATIENCE).toEqual(['READY=1|'])
  })

  it('takes no notice of a watchdog that waits for another process', () => {
    const { env } = fakeProgram()
    const beatMs = (of: string) =>
      sdNotify({ ...env, WATCHDOG_USEC: '8000000', WATCHDOG_PID: of }, 7, noTrouble).beatMs
    expect(beatMs('7')).toBe(4_000)
    expect(beatMs('8')).toBe(30_000)
  })

  it.each([
    ['is not there', { PATH: '/nowhere', NOTIFY_SOCKET: '/x' }],
    ['fails', fakeProgram('exit 3').env],
  ])('tells once that the program %s, and goes on', async (_, env) => {
    const troubles: string[] = []
    const notify = sdNotify(env, 1, (message) => troubles.push(message))
    notify.ready()
    notify.status('a')
    await expect.poll(() => troubles, PATIENCE).toHaveLength(1)
    notify.stopping()
    expect(troubles[0]).toContain('systemd-notify')
  })
})

const hasReal = spawnSync('systemd-notify', ['--version']).status === 0
/** A datagram socket that prints what it gets. */
const RECEIVER = `use IO::Socket::UNIX; use Socket; $| = 1;
my $s = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $ARGV[0]) or die;
print "listening\\n"; while (defined $s->recv(my $m, 4096)) { $m =~ s/\\n/|/g; print "$m\\n" }`

describe.skipIf(!hasReal)('the real systemd-notify (needs it: apt-get install systemd)', () => {
  it('delivers', async () => {
    const socket = join(newDirectory(), 'notify')
    const receiver = spawn('perl', ['-e', RECEIVER, socket])
    try {
      let got = ''
      receiver.stdout.setEncoding('utf8').on('data', (text: string) => (got += text))
      await once(receiver.stdout, 'data')
      const notify = sdNotify({ ...process.env, NOTIFY_SOCKET: socket }, 1, noTrouble)
      notify.status('-100 % $HOME = "x"')
      notify.ready()
      await expect.poll(() => got, PATIENCE).toMatch(/^STATUS=-100 % \$HOME = "x"\|?$/m)
      await expect.poll(() => got, PATIENCE).toMatch(/^READY=1\|?$/m)
    } finally {
      receiver.kill('SIGKILL')
    }
  })
})
