import { BwrapDriver } from './bwrap.ts'
import { ContainerDriver } from './container.ts'
import type { SandboxChoice, SandboxDriver, SandboxRuntime } from './driver.ts'
import { NoSandbox } from './none.ts'
import { SandboxError } from './sandbox-error.ts'
import { RUNSC_FLAGS } from './sandbox-limits.ts'
import { gapsOf, selfTest } from './self-test.ts'

/** What the owner wants. */
export interface SandboxWish {
  readonly choice: SandboxChoice
  readonly runtime?: SandboxRuntime | undefined
}

/** A sandbox that has proved itself. */
export interface OpenSandbox {
  readonly driver: SandboxDriver
  /** What of its limits does not hold here, in words. */
  readonly gaps: readonly string[]
  /** Stronger ones that do not work, and why. */
  readonly passed: readonly string[]
}

type Maker = (hidden: readonly string[]) => SandboxDriver

const bwrap: Maker = (hidden) => new BwrapDriver({ hidden })
const container =
  (tool: 'podman' | 'docker', runtime?: SandboxRuntime): Maker =>
  (hidden) =>
    new ContainerDriver({ tool, runtime, hidden })

/** From the strongest. gVisor, which is stronger, is not among them: not every engine runs on it. */
const AUTO: readonly Maker[] = [container('podman'), container('podman', 'runc'), bwrap]

function makersOf({ choice, runtime }: SandboxWish): readonly Maker[] {
  if (choice === 'bwrap') return [bwrap]
  if (choice === 'podman' || choice === 'docker') {
    // The tool's own choice first: it may be one that does not run here.
    if (runtime !== undefined || choice === 'docker') return [container(choice, runtime)]
    return [container(choice), container(choice, 'runc')]
  }
  return runtime === undefined ? AUTO : [container('podman', runtime)]
}

/**
 * Opens the sandbox that the owner wants and tries it; `auto` takes the strongest that works, which may
 * be none. `hidden` are paths that nothing inside may see. Throws {@link SandboxError} where what was
 * named does not work.
 */
export async function openSandbox(
  wish: SandboxWish,
  hidden: readonly string[],
  signal?: AbortSignal,
): Promise<OpenSandbox> {
  if (wish.choice === 'none') return { driver: new NoSandbox(), gaps: [], passed: [] }
  const passed: string[] = []
  for (const make of makersOf(wish)) {
    try {
      return { ...(await open(make, hidden, signal)), passed }
    } catch (error) {
      if (!(error instanceof SandboxError)) throw error
      passed.push(error.message)
    }
  }
  const isAuto = wish.choice === 'auto' && wish.runtime === undefined
  if (isAuto) return { driver: new NoSandbox(), gaps: ['there is no sandbox'], passed }
  throw new SandboxError('broken', [...new Set(passed)].join('; '), fixFor(wish, passed))
}

async function open(make: Maker, hidden: readonly string[], signal: AbortSignal | undefined) {
  const driver = make(hidden)
  try {
    await driver.prepare()
    return { driver, gaps: gapsOf(driver, await selfTest(driver, hidden, signal)) }
  } catch (error) {
    driver.close()
    throw error
  }
}

/** How one gets it on Debian, Ubuntu and what comes of them. */
const PACKAGES: Readonly<Record<string, string>> = {
  bwrap: 'bubblewrap',
  podman: 'podman runc uidmap',
  docker: 'docker.io',
}

/**
 * The kernel mounts no /proc in a namespace of an unprivileged user where a part of the one that is there is covered, as
 * containers and some units of systemd do.
 */
const SHOW_PROC =
  'the kernel lets bwrap have no /proc of its own where parts of /proc are covered, as in a container: start that with --security-opt unmask=ALL (podman), --security-opt systempaths=unconfined (docker) or procMount: Unmasked (Kubernetes), or let the machine run the agent: sudo infernet-agent service install'

/** Docker takes its runtimes from its settings; gVisor's program writes itself into them. */
const KNOW_RUNSC = `sudo runsc install -- ${RUNSC_FLAGS.map((flag) => `--${flag}`).join(' ')}`

/** What to type so that a driver works that has said this. */
export function fixFor({ choice, runtime }: SandboxWish, said: readonly string[]): string {
  const words = [PACKAGES[choice] ?? 'bubblewrap', ...(runtime === undefined ? [] : [runtime])]
  const install = `sudo apt-get install ${words.join(' ')}`
  if (said.some((it) => it.endsWith('is not installed'))) return install
  if (said.some((it) => it.includes('subuid'))) {
    return 'sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 "$USER"'
  }
  if (said.some((it) => /daemon (is )?running/.test(it))) return 'sudo systemctl start docker'
  if (choice === 'docker' && said.some((it) => /unknown .*runtime/i.test(it))) {
    if (runtime === 'runsc') return `${KNOW_RUNSC} && sudo systemctl restart docker`
    return `name ${runtime} under "runtimes" in /etc/docker/daemon.json, then: sudo systemctl restart docker`
  }
  if (said.some((it) => it.includes("Can't mount proc"))) return SHOW_PROC
  if (choice !== 'bwrap') return 'infernet-agent doctor --manage llama-server --sandbox bwrap'
  return 'if this machine forbids user namespaces: sudo sysctl kernel.unprivileged_userns_clone=1 (Debian), or kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu)'
}
