import { spawn } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { hostname, networkInterfaces, release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { oldCallProgram } from '../testing/old-call.ts'
import { processesWith } from '../testing/processes.ts'
import type { SandboxDriver } from './driver.ts'
import { runConfined, type ConfinedJob, type JobLimits } from './run-confined.ts'
import { MAX_COMPLAINTS_BYTES, MAX_OPEN_FILES, TMP_BYTES } from './sandbox-limits.ts'
import { gapsOf, selfTest } from './self-test.ts'

const MIB = 1024 * 1024
const LIMITS: JobLimits = {
  memoryBytes: 128 * MIB,
  pids: 24,
  cpus: 1,
  timeMs: 60_000,
  outputBytes: MIB,
}
/** gVisor has threads of its own, and counts them. */
const limitsOf = (driver: SandboxDriver, more: Partial<JobLimits> = {}): JobLimits => ({
  ...LIMITS,
  pids: Math.max(LIMITS.pids, driver.minPids),
  ...more,
})

/** What every driver must hold, each tried from inside. `make` gets the paths that must stay hidden. */
export function describeSandbox(make: (hidden: readonly string[]) => SandboxDriver): void {
  const folder = mkdtempSync(join(tmpdir(), 'infernet-test-'))
  const key = join(folder, 'agent', 'key.pem')
  let driver: SandboxDriver
  beforeAll(async () => {
    mkdirSync(join(folder, 'agent'))
    writeFileSync(key, 'the key of the agent')
    driver = make([join(folder, 'agent'), key])
    await driver.prepare()
  })
  afterAll(() => driver.close())

  /** Runs a script of the shell. */
  const run = async (script: string, more: Partial<ConfinedJob> = {}, signal?: AbortSignal) => {
    const job = { file: '/bin/sh', args: ['-c', script], input: new Uint8Array() }
    const result = await runConfined(driver, { ...job, limits: limitsOf(driver), ...more }, signal)
    return { ...result, text: result.output.toString(), complaint: result.complaints.toString() }
  }
  /** Runs a script of Perl, which says what a call has come to. */
  const perl = async (script: string, ...args: string[]) =>
    (
      await run('', {
        file: '/usr/bin/perl',
        args: ['-MSocket', '-MPOSIX=', '-e', script, ...args],
      })
    ).text

  it('passes its own test with nothing left open', async () => {
    const gaps = gapsOf(driver, await selfTest(driver, [folder]))
    expect(gaps).toEqual([
      ...(driver.sharesCpus ? [] : ['the share of the processors is not limited']),
      ...(driver.sumsMemory
        ? []
        : ['memory is limited for each process alone, not for all together']),
    ])
  })

  it('takes bytes, gives bytes, and says how it ended', async () => {
    const input = Uint8Array.from({ length: 100_000 }, (_, i) => i % 251)
    const { ending, code, output, complaint } = await run('cat; echo oh >&2; exit 7', { input })
    expect({ ending, code, complaint }).toEqual({ ending: 'exited', code: 7, complaint: 'oh\n' })
    expect(output.equals(Buffer.from(input))).toBe(true)
  })

  it('kills what takes more memory than it may', async () => {
    const fill = 'dd if=/dev/zero of=/dev/null bs=256M count=1 && echo filled'
    const { code, text } = await run(`exec sh -c '${fill}'`)
    expect(code).not.toBe(0)
    expect(text).not.toContain('filled')
  })

  it('counts the memory of all processes together, or says that it does not', async () => {
    const each = `perl -e '$x = "x" x 50e6; print "filled\\n"; sleep 3' &`
    const { text } = await run(`${each} ${each} ${each} ${each} wait`)
    const filled = text.match(/filled/g)?.length ?? 0
    // Where each has its own limit, all four are within it.
    if (driver.sumsMemory) expect(filled).toBeLessThan(4)
    else expect(filled).toBe(4)
  })

  it('lets it have so many processes and no more', async () => {
    const { pids } = limitsOf(driver)
    const { text } = await run(
      `i=0; while [ $i -lt ${pids + 8} ]; do sleep 9 & i=$((i+1)); echo $i; done`,
      { limits: limitsOf(driver, { timeMs: 8_000, memoryBytes: 1024 * MIB }) },
    )
    expect(text.split('\n')).toContain('1')
    expect(text.split('\n')).not.toContain(String(pids + 8))
  })

  it('gives it its share of the processors', async () => {
    // Its own test says so to the owner.
    if (!driver.sharesCpus) return expect(driver.ownKernel || !driver.sumsMemory).toBe(true)
    // By the processor's time, which others on this machine can only make less.
    const used = `perl -MTime::HiRes=time -e '$t = time; 1 while time() - $t < 2; ($u, $s) = times; print +($u + $s) / (time() - $t)'`
    const { text } = await run(used, { limits: limitsOf(driver, { cpus: 0.1 }) })
    expect(Number(text)).toBeGreaterThan(0)
    expect(Number(text)).toBeLessThan(0.2)
    return undefined
  })

  it('ends it when its time is over, and leaves nothing', async () => {
    const mark = `${process.pid}${driver.name}`.replaceAll(/\W/g, '')
    const { ending } = await run(`: ${mark}; trap '' TERM; sleep 600; sleep 600`, {
      limits: limitsOf(driver, { timeMs: 1_500 }),
    })
    expect(ending).toBe('time')
    // Whoever cleans up behind a container may be there a moment longer.
    await expect.poll(() => processesWith(mark), { timeout: 5_000 }).toEqual([])
  })

  it('ends it when we say so', async () => {
    const stopping = new AbortController()
    const job = run('sleep 600', {}, stopping.signal)
    stopping.abort()
    expect((await job).ending).toBe('cancelled')
  })

  it('ends it when it writes too much, and keeps no more', async () => {
    const limits = limitsOf(driver, { outputBytes: 10_000 })
    const { ending, output } = await run('yes', { limits })
    expect(ending).toBe('output')
    expect(output).toHaveLength(10_000)
  })

  it('keeps so much of what it complains and no more', async () => {
    const { code, complaints } = await run(
      `head -c ${2 * MAX_COMPLAINTS_BYTES} /dev/zero >&2; exit 3`,
    )
    expect({ code, kept: complaints.length }).toEqual({ code: 3, kept: MAX_COMPLAINTS_BYTES })
  })

  it.each(['/tmp', '/dev/shm'])('lets it have so much in %s and no more', async (where) => {
    // What it writes counts as its memory too, which must not end it first.
    const limits = limitsOf(driver, { memoryBytes: 2 * TMP_BYTES })
    const fill = `dd if=/dev/zero of=${where}/it bs=1M count=${TMP_BYTES / MIB + 8}`
    const { text, complaint } = await run(`${fill}; wc -c <${where}/it`, { limits })
    expect(complaint).toContain('No space left on device')
    expect(Number(text)).toBe(TMP_BYTES)
  })

  it('lets it open so many files and no more', async () => {
    const said = await perl(
      '$top = $last while defined($last = POSIX::dup(0)) && $last < 1e6; print "$top $!"',
    )
    const [, top, why] = /^(\d+) (.*)$/.exec(said) ?? []
    expect(why).toBe('Too many open files')
    // Where this machine has a lower limit, that is the one that is hit.
    const own = /^Max open files +\S+ +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
    expect(Number(top)).toBeLessThan(MAX_OPEN_FILES)
    expect(Number(top)).toBeGreaterThanOrEqual(Math.min(Number(own), MAX_OPEN_FILES) - 1)
  })

  it('leaves no memory of what has crashed', async () => {
    const { text } = await run(
      'cd /tmp; ulimit -Hc; ulimit -c unlimited 2>/dev/null && echo raised; sh -c "kill -SEGV \\$\\$" 2>/dev/null; echo $?; ls',
    )
    expect(text).toBe('0\n139\n')
  })

  describe('a network', () => {
    const servers: Server[] = []
    let met = 0
    const listen = async (where: { host?: string; path?: string }): Promise<Server> => {
      const server = createServer((socket) => {
        met++
        socket.destroy()
      }).listen({ port: 0, ...where })
      servers.push(server)
      await once(server, 'listening')
      return server
    }
    afterAll(() => servers.forEach((server) => server.close()))

    const own = Object.values(networkInterfaces()).flatMap((all) => all ?? [])
    const addresses = own.filter(({ family }) => family === 'IPv4').map(({ address }) => address)

    it.each(addresses)('does not reach the machine at %s', async (host) => {
      const { port } = (await listen({ host })).address() as AddressInfo
      const said = await perl(
        'socket(S, PF_INET, SOCK_STREAM, 0) or die; print connect(S, pack_sockaddr_in($ARGV[0], inet_aton($ARGV[1]))) ? "connected" : "no: $!"',
        String(port),
        host,
      )
      expect(said).toMatch(/^no: /)
    })

    it('does not reach private addresses, nor the cloud’s', async () => {
      const said = await perl(
        'for (@ARGV) { socket(S, PF_INET, SOCK_STREAM, 0) or die; print connect(S, pack_sockaddr_in(80, inet_aton($_))) ? "connected" : "no", "\n" }',
        '10.0.0.1',
        '172.16.0.1',
        '192.168.0.1',
        '169.254.169.254',
        '1.1.1.1',
      )
      expect(said.trim().split('\n')).toEqual(Array.from({ length: 5 }, () => 'no'))
    })

    it('does not reach sockets without a file, and makes none that lead elsewhere', async () => {
      const name = `infernet-${process.pid}-${driver.name}`
      await listen({ path: `\0${name}` })
      const said = await perl(
        'socket(S, PF_UNIX, SOCK_STREAM, 0) or die; print connect(S, pack_sockaddr_un("\\0$ARGV[0]")) ? "connected" : "no", "\n"; for (17, 38, 40) { print socket(S, $_, 3, 0) || socket(S, $_, 5, 0) || socket(S, $_, 1, 0) ? "made" : "no", "\n" }',
        name,
      )
      expect(said.trim().split('\n')).toEqual(['no', 'no', 'no', 'no'])
    })

    it('has met nobody', () => expect(met).toBe(0))
  })

  it('writes nowhere but in its folder for temporary files', async () => {
    const { text } = await run(
      'for d in / /usr /usr/bin /etc /proc/sys/kernel /sys/devices/system/cpu /tmp; do (: >$d/probe) 2>/dev/null && echo $d; done',
    )
    expect(text).toBe('/tmp\n')
  })

  it('has no capabilities, and may do nothing that takes one', async () => {
    const { text } = await run('grep ^Cap /proc/self/status; id -u; id -G')
    const caps = [...text.matchAll(/^Cap(?:Inh|Prm|Eff|Bnd):\s+(\w+)$/gm)].map(([, set]) => set)
    expect(caps).toEqual(Array.from({ length: 4 }, () => '0000000000000000'))
    expect(text).toContain(`\n${driver.owner.uid}\n`)
    const tried = await run(
      'cd /tmp; mkdir m; mount -t tmpfs none m && echo mount; mknod d b 8 0 && head -c 1 d && echo device; chown 0 m && echo chown; chroot m && echo chroot; hostname x && echo name',
    )
    expect(tried.text).toBe('')
  })

  it.skipIf(process.getuid?.() !== 0)('gets no rights from a program of root', async () => {
    const program = join(folder, 'who')
    copyFileSync('/usr/bin/id', program)
    chmodSync(program, 0o6755)
    chmodSync(folder, 0o755)
    const { text } = await run(`${program} -u; ${program} -g`, { reads: [program] })
    expect(text).toBe(`${driver.owner.uid}\n${driver.owner.gid}\n`)
  })

  it('is kept from the kernel’s calls', async () => {
    if (driver.ownKernel)
      return expect(await run('uname -r')).not.toMatchObject({ text: `${release()}\n` })
    const [x64, arm64] = [
      [272, 101, 165, 250, 321, 298, 425],
      [97, 117, 40, 219, 280, 241, 425],
    ]
    const calls = process.arch === 'x64' ? x64 : arm64
    const said = await perl(
      'for (@ARGV) { print syscall($_, 0x10000000, 0, 0, 0, 0) < 0 && $!{EPERM} ? "no" : "yes: $!", "\n" }',
      ...(calls ?? []).map(String),
    )
    expect(said.trim().split('\n')).toEqual(calls?.map(() => 'no'))
    expect((await run('grep Seccomp: /proc/self/status')).text).toMatch(/2$/m)
    expect((await run('unshare -Ur true && echo made')).text).toBe('')
  })

  // Their numbers and arguments are others, so what the filter says of ours would not hold.
  it('is ended by a call of 32 bits', async () => {
    // gVisor has none, and we have a program for the one processor.
    if (driver.ownKernel || process.arch !== 'x64') return
    const program = join(folder, 'old-call')
    writeFileSync(program, oldCallProgram(), { mode: 0o755 })
    const { ending, code } = await run('', { file: program, args: [], reads: [program] })
    // By SIGSYS, or by SIGSEGV where the kernel has none of them itself.
    expect({ ending, ended: code === 159 || code === 139 }).toEqual({
      ending: 'exited',
      ended: true,
    })
  })

  it('does not see the agent’s key, nor anything that was not shown', async () => {
    const shown = join(folder, 'shown')
    writeFileSync(shown, 'shown')
    chmodSync(shown, 0o644)
    const { text } = await run(`cat ${shown} ${key} /etc/shadow /etc/machine-id /root/.bashrc`, {
      reads: [shown],
    })
    expect(text).toBe('shown')
    const listed = await run('', {
      file: '/usr/bin/perl',
      args: [
        '-e',
        'for (@ARGV) { opendir D, $_ or next; print grep { !/^\\.+$/ } readdir D }',
        folder,
        '/home',
        '/root',
        '/etc/ssh',
        '/var/lib',
      ],
      reads: [shown],
    })
    expect(listed.text).toBe('shown')
  })

  it('is not shown a folder that the key is in', async () => {
    await expect(run('true', { reads: [folder] })).rejects.toMatchObject({ code: 'paths' })
    await expect(run('true', { reads: [key] })).rejects.toMatchObject({ code: 'paths' })
  })

  it('is told nothing of this machine’s network', async () => {
    const { text } = await run('cat /etc/resolv.conf /etc/hosts; hostname')
    expect(text).not.toContain('nameserver')
    expect(text).not.toContain('search')
    expect(text).not.toContain(hostname())
  })

  it('reads no other process’s environment, and sees none', async () => {
    const other = spawn('sleep', ['600'], { env: { SECRET: 'of-another-process' } })
    await once(other, 'spawn')
    expect(readFileSync(`/proc/${other.pid}/environ`, 'utf8')).toContain('of-another-process')
    const { text } = await run('cat /proc/[0-9]*/environ; echo; ls -d /proc/[0-9]* | wc -l')
    other.kill()
    expect(text).toContain('HOME=/tmp')
    expect(text).not.toContain('of-another-process')
    expect(text).not.toContain('VITEST')
    expect(Number(text.trim().split('\n').at(-1))).toBeLessThan(12)
  })
}
