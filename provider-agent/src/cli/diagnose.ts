import { agentStatusSchema } from '../control/agent-status.ts'
import { dataDir } from '../data-dir.ts'
import type { Check } from '../doctor/check.ts'
import { edgeChecks } from '../doctor/edge-checks.ts'
import { engineCheck } from '../doctor/engine-check.ts'
import { jobCheck } from '../doctor/job-check.ts'
import { freeDisk, machineChecks, type GpusSeen } from '../doctor/machine-checks.ts'
import { payoutCheck } from '../doctor/payout-check.ts'
import { priceCheck } from '../doctor/price-check.ts'
import { sandboxCheck } from '../doctor/sandbox-check.ts'
import { askEarnings } from '../edge-api/ask-earnings.ts'
import { EdgeAskError } from '../edge-api/ask-edge.ts'
import { createEngine } from '../engines/create-engine.ts'
import { readOfferFlags } from '../engines/offer-overrides.ts'
import { OwnerError } from '../exit-codes.ts'
import { availableMemory } from '../hardware/host-facts.ts'
import { probeThisMachine } from '../hardware/probe.ts'
import { systemClock } from '../clock.ts'
import { lndIssuer } from '../payout/lnd-issuer.ts'
import { ownRelease } from '../upgrade/own-release.ts'
import { releaseCheck } from '../upgrade/release-check.ts'
import { AGENT_VERSION } from '../version.ts'
import { runningAgent } from './control-asks.ts'
import { engineKind, engineOptions } from './engine-options.ts'
import { dataFlag } from './own-agent.ts'
import { ownIdentity } from './own-identity.ts'
import type { RunFlags } from './run-command.ts'
import { hiddenPaths, readSandboxFlags } from './sandbox-options.ts'

/** Those of `run`, of which none must be there, and a client's key. */
export interface DiagnoseFlags extends Omit<RunFlags, 'edge'> {
  readonly edge?: string
  readonly clientKey?: string
}

/** All that the doctor looks at, for an agent that was started with these options. */
export function checksFor(flags: DiagnoseFlags): Check[] {
  const { data, edge, clientKey } = flags
  const now = Date.now
  const running = () => runningAgent(data, agentStatusSchema)
  const isRunning = async () => (await running()) !== undefined
  return [
    ...machineChecks({
      nodeVersion: process.version,
      files: dataDir(data, process.env),
      dataFlag: dataFlag(data),
      freeMemory: availableMemory,
      freeDisk,
      gpus: gpusSeen,
    }),
    releaseCheck(AGENT_VERSION, ownRelease),
    sandboxCheck({
      wish: readSandboxFlags(flags),
      manages: flags.manage !== undefined,
      hidden: hiddenPaths(data),
    }),
    engineCheck({
      create: () => createEngine(engineOptions(flags, readOfferFlags(flags).overrides), now),
      isEmbedded: engineKind(flags) !== 'openai-http',
      running,
      now,
    }),
    priceCheck(flags.price),
    payoutCheck({
      flags,
      network: (signal) => networkOf(flags, signal),
      issuer: (node) => {
        const identity = ownIdentity(data)
        return identity && lndIssuer(node, identity, systemClock.monotonic)
      },
      now,
    }),
    ...edgeChecks({ edge, now }),
    jobCheck({
      edge,
      clientKey,
      identity: () => ownIdentity(data),
      isRunning,
      dataFlag: dataFlag(data),
      now,
    }),
  ]
}

/** The Lightning network that the edge pays on. Whatever keeps it from saying so has a check of its own. */
async function networkOf(
  { data, edge }: DiagnoseFlags,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const identity = ownIdentity(data)
    if (edge === undefined || identity === undefined) return undefined
    return (await askEarnings(edge, identity, Date.now(), signal)).network ?? undefined
  } catch (error) {
    if (error instanceof EdgeAskError || error instanceof OwnerError) return undefined
    throw error
  }
}

async function gpusSeen(signal: AbortSignal): Promise<GpusSeen> {
  let trouble: string | undefined
  const { gpus } = await probeThisMachine((text) => {
    trouble = text
  }, signal)
  const names = gpus.map(({ name, vram_mib: mib }) =>
    mib === undefined ? name : `${name} (${(mib / 1024).toFixed(0)} GiB)`,
  )
  return { names, ...(trouble === undefined ? {} : { trouble }) }
}
