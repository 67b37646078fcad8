import { VICTIMS, type CrashPlan } from './crash-world.ts'

export interface CrashRun {
  readonly host: string
  readonly seed: number
  /** When it began and ended, ms since the epoch. */
  readonly startedAt: number
  readonly endedAt: number
  /** Pairs of a step and a victim that there are. */
  readonly pairs: number
  readonly kills: readonly CrashPlan[]
  /** How often everything had arrived and reconcile found no drift. */
  readonly reconciled: number
  /** Why it ended early. */
  readonly failure: string | undefined
}

/** What a run has shown, as Markdown: how often each process was killed at each step of each flow. */
export function crashReport(run: CrashRun): string {
  const { host, seed, kills, pairs, reconciled, failure } = run
  const counts = new Map<string, number>()
  const count = (key: string): void => void counts.set(key, (counts.get(key) ?? 0) + 1)
  for (const { flow, step, victim } of kills) {
    count(`${flow} ${step}`)
    count(`${flow} ${step} ${victim}`)
  }
  const places = [...new Set(kills.map(({ flow, step }) => `${flow} ${step}`))].toSorted()
  const hit = new Set(kills.map(({ flow, step, victim }) => `${flow} ${step} ${victim}`)).size
  const rows = places.map((place) => {
    const [flow = '', step = ''] = place.split(' ')
    return `| ${[flow, `\`${step}\``, ...VICTIMS.map((victim) => counts.get(`${place} ${victim}`) ?? 0)].join(' | ')} |`
  })
  return `# Killed with SIGKILL

${new Date(run.startedAt).toISOString().slice(0, 16).replace('T', ' ')} UTC, host ${host}, SIMULATED Lightning, seed ${seed}: \
${kills.length} kills in ${Math.round((run.endedAt - run.startedAt) / 1000)} s, at ${hit} of ${pairs} pairs of a step and a victim.

${failure === undefined ? `Reconciled ${reconciled} times: 0 msat drift, nothing paid or charged twice, nothing stuck.` : `**Failed** after ${reconciled} reconciliations without drift: ${failure}`}

| flow | step | ${VICTIMS.join(' | ')} |
|---|---|${VICTIMS.map(() => '---:').join('|')}|
${rows.join('\n')}
`
}
