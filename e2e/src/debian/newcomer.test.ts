import { setTimeout as sleep } from 'node:timers/promises'
import { demoModel } from '@infernet/provider-agent/engines/model-file'
import { isBuilt, llamaServerBinary } from '@infernet/provider-agent/testing/llama-server'
import {
  providerEarningsSchema,
  type ProviderEarningsJson,
} from '@infernet/schemas/provider-earnings'
import { splitFee } from '@infernet/settlement/ledger/fee'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
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
/** The same owner at a login, as by ssh: with a session, and a systemd of her own. */
const atLogin = (command: string) => `runuser --login ada --command "PATH=$PATH ${command}"`
const SHUT_IN =
  '--manage llama-server --engine-program /opt/llama-server --model infernet-demo=/opt/model.gguf --sandbox bwrap'
/**
 * Where some of /proc is covered, as it is here, the kernel lets no user mount one, unless there is a whole one
 * somewhere. Nobody reaches this one. A system's service has its own, and must not need it.
 */
const WHOLE_PROC =
  'mkdir --parents /run/whole/proc && mount -t proc proc /run/whole/proc && mount -t tmpfs tmpfs /run/whole'
const LLAMA =
  'systemd-run --quiet --unit=llama --property=Restart=always --property=RestartSec=1 ' +
  '/opt/llama-server -m /opt/model.gguf --alias infernet-demo --port 8080 -np 4 -c 4096 -t 1 --no-ui'

const journalLine = z.object({ PRIORITY: z.enum(['3', '4', '6']), MESSAGE: z.string() })

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

    /** By systemd, of the service that runs. */
    async function exposure(analyze: (command: string) => string): Promise<string | undefined> {
      const said = await machine.must(analyze('security infernet-agent --no-pager'))
      return /Overall exposure level for .*?: ([\d.]+)/.exec(said)?.[1]
    }
    const ofSystem = (command: string) => `systemd-analyze ${command}`
    const ofAda = (command: string) => atLogin(`systemd-analyze --user ${command}`)

    /** Names of the networks that the one engine here can see. */
    async function engineNetworks(): Promise<readonly string[]> {
      const seen = await machine.must('cat /proc/$(pgrep --exact llama-server)/net/dev')
      return [...seen.matchAll(/^ *([^ |]+):/gm)].map(([, name = '']) => name)
    }

    /** What the agent has said in the journal, field by field. */
    async function journal(): Promise<readonly z.infer<typeof journalLine>[]> {
      const said = await machine.must(
        'journalctl --unit infernet-agent --identifier infernet-agent --output=json --no-pager',
      )
      return said
        .trimEnd()
        .split('\n')
        .map((line) => journalLine.parse(JSON.parse(line)))
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
        expect(await exposure(ofSystem)).toBe('1.3')
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

    it('has told the journal of each job, with a priority and its ids', async () => {
      const lines = await journal()
      for (const { job } of answers.slice(0, 3)) {
        const done = lines.filter(({ MESSAGE }) => MESSAGE.includes(` job=${job} lease=${job}.`))
        expect(done).toEqual([
          expect.objectContaining({
            PRIORITY: '6',
            MESSAGE: expect.stringMatching(/^\d\d:\d\d:\d\d done infernet-demo /) as string,
          }),
        ])
      }
      expect(lines).toContainEqual(
        expect.objectContaining({
          PRIORITY: '4',
          MESSAGE: expect.stringContaining('! your earnings wait') as string,
        }),
      )
      // The number before a line is for the journal, which keeps it apart.
      expect(lines.filter(({ MESSAGE }) => MESSAGE.startsWith('<'))).toEqual([])
      const [{ job } = { job: 'none' }] = answers
      const found = await machine.must(`journalctl --unit infernet-agent --grep lease=${job}`)
      expect(found).toContain('done infernet-demo')
    })

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
    })

    it('shows root the machine’s service, who need not say where it is', async () => {
      expect(await machine.must('infernet-agent earnings')).toMatch(/\nall time +\d+ +[\d.]+\n/)
      expect(await machine.must('infernet-agent status')).toContain(', infernet-agent.service, up ')
      const [name = 'none'] = (await machine.must(`infernet-agent keys ${DATA}`)).split('\n')
      expect(await machine.must('infernet-agent keys')).toContain(name)
      const ada = await machine.sh(`${ADA} infernet-agent status --data /var/lib/infernet-agent`)
      expect(ada.err).toContain('\n→ sudo infernet-agent status --data /var/lib/infernet-agent\n')
    })

    it(
      'shuts its engine in, as a service of the machine',
      async () => {
        await machine.must('systemctl stop llama')
        await machine.must(`infernet-agent service install --edge ${stack.url} -- ${SHUT_IN}`)
        await ask(0)
        expect(await engineNetworks()).toEqual(['lo'])
        expect(await exposure(ofSystem)).toBe('2.8')
        await machine.must('infernet-agent service uninstall')
      },
      STORY_MS,
    )

    it(
      'serves as a service of its owner’s own, though she is not logged in',
      async () => {
        await machine.must('loginctl enable-linger ada')
        await machine.must(LLAMA)
        await machine.must(atLogin('infernet-agent service install --user'))
        await ask(0)
        expect(await exposure(ofAda)).toBe('6.6')
        await machine.powerCycle()
        await machine.must(LLAMA)
        await ask(1)
        expect(await machine.must('loginctl list-sessions')).toContain('No sessions')
      },
      STORY_MS,
    )

    it(
      'shuts its engine in there as well',
      async () => {
        await machine.must('systemctl stop llama')
        await machine.must(WHOLE_PROC)
        await machine.must(atLogin(`infernet-agent service install --user -- ${SHUT_IN}`))
        await ask(0)
        expect(await engineNetworks()).toEqual(['lo'])
        expect(await exposure(ofAda)).toBe('7.7')
        await machine.must(atLogin('infernet-agent service uninstall --user'))
      },
      STORY_MS,
    )
  },
)
