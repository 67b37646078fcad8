import { existsSync, readFileSync } from 'node:fs'
import type { RunCommand } from '../service/command.ts'
import { ServiceError } from '../service/service-error.ts'
import { dataRootIn } from '../service/render-unit.ts'
import { serviceFiles, SYSTEM_STATE } from '../service/service-files.ts'
import { Systemd } from '../service/systemd.ts'
import type { Scope } from '../service/unit-settings.ts'
import { execWord } from '../service/unit-words.ts'

/** A service that runs from an installation, and is to go on with another version. */
export interface OwnService {
  readonly scope: Scope
  readonly systemd: Systemd
  /** Its `--data` directory. */
  readonly data: string | undefined
}

const RUNNING: ReadonlySet<string> = new Set(['active', 'activating', 'reloading'])

/** The services that `service install` has made of the program at `launcher`, and that run or try to. */
export async function ownServices(
  launcher: string,
  run: RunCommand,
  env: NodeJS.ProcessEnv,
  home: string,
): Promise<OwnService[]> {
  const found: OwnService[] = []
  for (const scope of ['system', 'user'] as const) {
    const { unit } = serviceFiles(scope, env, home)
    if (!existsSync(unit)) continue
    const text = readFileSync(unit, 'utf8')
    if (!text.includes(` ${execWord(launcher)} `)) continue
    const systemd = new Systemd(scope, run)
    const data = scope === 'system' ? SYSTEM_STATE : dataRootIn(text)
    if (await goesOn(systemd)) found.push({ scope, systemd, data })
  }
  return found
}

async function goesOn(systemd: Systemd): Promise<boolean> {
  try {
    const { active, enabled } = await systemd.state()
    // One that its edge has sent away for its age is not tried again by itself.
    return RUNNING.has(active) || (active === 'failed' && enabled)
  } catch (error) {
    if (error instanceof ServiceError) return false
    throw error
  }
}
