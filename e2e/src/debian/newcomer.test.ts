import { setTimeout as sleep } from 'node:timers/promises'
import { demoModel } from '@infernet/provider-agent/engines/model-file'
import { isBuilt, llamaServerBinary } from '@infernet/provider-agent/testing/llama-server'
import {
  providerEarningsSchema,
  type ProviderEarningsJson,
} from '@infernet/schemas/provider-earnings'
import { splitFee } from '@infernet/settlement/ledger/fee'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bearer, Stack, until, type Client } from '../stack.ts'
import { canStart, debianBase } from './debian-base.ts'
import { FreshDebian } from './fresh-debian.ts'
import { packAgent, type PackedAgent } from './packed-agent.ts'

const PORT = 18_890
/** What an edge keeps when its operator has not said. */
const FEE_BPS = 100
const CREDIT_MSAT = 1_000_000_000
const CLIENTS = 3
const REQUESTS = 30
/** A client gives up after a minute of trying again. */
const TRIES = 120
const RETRY_MS = 500
const STORY_MS = 240_000
/** The owner, and what she does with sudo. */
const ADA = 'runuser --user ada -- env HOME=/home/ada'
const SUDO = 'env SUDO_USER=ada'
const DATA = '--data /etc/infernet-agent'
const LLAMA =
  'systemd-run --quiet --unit=llama --property=Restart=always --property=RestartSec=1 ' +
  '/opt/llama-server -m /opt/model.gguf --alias infernet-demo --port 8080 -np 4 -c 4096 -t 1 --no-ui'

interface Answer {
  readonly job: string
  readonly costMsat: number
}

const isPossible = canStart(debianBase()) && isBuilt(llamaServerBinary())

/** What an owner does who has rented a machine this morning, and what happens to it by the evening. */
describe.skipIf(!isPossible)(
  'a newcomer on a fresh Debian (needs root, node scripts/bootstrap.mjs debian-base, and node scripts/bootstrap.mjs llama-server)',
  () => {
    let stack: Stack
    let machine: FreshDebian
    let packed: PackedAgent
    let client: Client
    const answers: Answer[] = []

    beforeAll(async () => {
      packed = packAgent()
      stack = await Stack.start('node', PORT)
      client = await stack.createClient(String(CREDIT_MSAT))
      machine = await FreshDebian.boot({
        'agent.tgz': packed.path,
        'llama-server': llamaServerBinary().path,
        'model.gguf': demoModel().path,
      })
      await machine.must(LLAMA)
    }, STORY_MS)
    afterAll(async () => {
      await machine?.stop()
      await stack?.stop()
      packed?.remove()
    })

    async function ask(n: number): Promise<Answer> {
      for (let tries = 1; ; tries++) {
        const response = await fetch(`${stack.url}/v1/chat/completions`, {
          method: 'POST',
          headers: { ...bearer(client.apiKey), 'content-type': 'application/json' },
          body: JSON.stringify({
            model: 'infernet-demo',
            messages: [{ role: 'user', content: `What is Infernet? ${n}` }],
            max_completion_tokens: 48,
          }),
        })
        const text = await response.text()
        if (response.ok) {
          const { usage } = JSON.parse(text) as { usage: { cost: number } }
          return { job: response.headers.get('x-infernet-job') ?? '', costMsat: usage.cost }
        }
        if (response.status < 500 || tries === TRIES) throw new Error(`${response.status} ${text}`)
        await sleep(RETRY_MS)
      }
    }

    /** Asks until `REQUESTS` more are answered; `meanwhile` goes on beside it. */
    async function underLoad(meanwhile: () => Promise<void>): Promise<void> {
      let next = 0
      const worker = async () => {
        while (next < REQUESTS) answers.push(await ask(next++))
      }
      await Promise.all([meanwhile(), ...Array.from({ length: CLIENTS }, worker)])
    }

    const answered = (more: number) => {
      const wanted = answers.length + more
      return until(`${more} more are answered`, () => answers.length >= wanted)
    }

    const earnings = async (): Promise<ProviderEarningsJson> =>
      providerEarningsSchema.parse(
        JSON.parse(
          await machine.must(`infernet-agent earnings --json ${DATA} --edge ${stack.url}`),
        ),
      )

    it(
      'installs the package, and is asked nothing',
      async () => {
        await machine.must(
          'npm install --global --prefix /usr/local --omit=optional --offline --no-audit --no-fund /opt/agent.tgz',
        )
        await machine.must('useradd --create-home ada')
        const setup = await machine.must(
          `${ADA} infernet-agent setup --yes --edge ${stack.url} --json`,
        )
        expect(JSON.parse(setup)).toMatchObject({
          options: { 'engine-url': 'http://127.0.0.1:8080' },
        })
      },
      STORY_MS,
    )

    it(
      'becomes a service that systemd finds nothing wrong with',
      async () => {
        await machine.must(`${SUDO} infernet-agent service unit > /tmp/infernet-agent.service`)
        await machine.must('systemd-analyze verify /tmp/infernet-agent.service')
        const installed = await machine.must(`${SUDO} infernet-agent service install`)
        const [name = 'none'] = (await machine.must(`${ADA} infernet-agent keys`)).split('\n')
        expect(installed).toContain(`runs: ${name}`)
        await stack.untilServed('infernet-demo', 1)
        expect(await machine.must('infernet-agent service status')).toContain('active')
      },
      STORY_MS,
    )

    it(
      'loses nothing when the engine and the agent are killed under load',
      async () => {
        await underLoad(async () => {
          await answered(3)
          await machine.must('systemctl kill --signal=KILL llama')
          await answered(3)
          await machine.must('systemctl kill --signal=KILL infernet-agent')
          await answered(3)
        })
        expect(new Set(answers.map(({ job }) => job)).size).toBe(REQUESTS)
      },
      STORY_MS,
    )

    it(
      'is back when the power was cut',
      async () => {
        await underLoad(async () => {
          await answered(3)
          await machine.powerCycle()
          await machine.must(LLAMA)
        })
      },
      STORY_MS,
    )

    it('has earned what its clients have paid, and sees it', async () => {
      const paid = answers.reduce((sum, { costMsat }) => sum + costMsat, 0)
      const { available, reserved } = await stack.settledBalance(client.accountId)
      expect({ paid: CREDIT_MSAT - available, reserved }).toEqual({ paid, reserved: 0 })
      await until('every answer is in the books', async () => {
        return (await earnings()).jobs === answers.length
      })
      const { earned_msat: earned, lost_msat: lost, standing } = await earnings()
      expect({ lost, standing }).toEqual({ lost: '0', standing: 'clear' })
      const own = answers.map(({ costMsat }) => splitFee(BigInt(costMsat), FEE_BPS).net)
      expect(BigInt(earned)).toBe(own.reduce((sum, net) => sum + net, 0n))
      const shown = await machine.must(`infernet-agent earnings ${DATA} --edge ${stack.url}`)
      expect(shown).toContain('sat')
    })
  },
)
