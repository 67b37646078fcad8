import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  addReconcileCommand,
  type ReconcileArguments,
  type ReconcileRim,
} from './reconcile-command.ts'

const NODE = ['--lnd', '127.0.0.1:1', '--lnd-cert', 'tls.cert', '--macaroons', '.']
const NEEDED = ['--database-url', 'postgres://nobody@127.0.0.1:1/none', ...NODE]

async function reconcile(args: readonly string[], rim: Partial<ReconcileRim> = {}) {
  const codes: number[] = []
  const failed: string[] = []
  const program = new Command().exitOverride().configureOutput({ writeErr: () => {} })
  addReconcileCommand(program, {
    write: () => {},
    fail: (text) => failed.push(text),
    exit: (code) => codes.push(code),
    ...rim,
  })
  for (const command of program.commands)
    command.exitOverride().configureOutput({ writeErr: () => {} })
  await program.parseAsync(['reconcile', ...args], { from: 'user' })
  return { codes, failed }
}

describe('infernet-settler reconcile', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'infernet-reconcile-'))
    for (const name of ['tls.cert', 'recon.macaroon', 'token'])
      writeFileSync(join(folder, name), '')
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  const files = () => ['--lnd-cert', join(folder, 'tls.cert'), '--macaroons', folder]

  it('reads its options', async () => {
    const seen: ReconcileArguments[] = []
    const open = async (options: ReconcileArguments) => {
      seen.push(options)
      throw new Error('closed')
    }
    const args = ['--accounts', '5', '--opening-balance-msat', '12', '--dry-run', '--json']
    const { codes, failed } = await reconcile([...NEEDED, ...args], { open })
    expect(seen).toMatchObject([
      {
        lnd: '127.0.0.1:1',
        accounts: 5,
        openingBalanceMsat: 12n,
        toleranceMsat: 10_000_000n,
        postLimitMsat: 100_000_000n,
        dryRun: true,
        json: true,
      },
    ])
    expect(codes).toEqual([2])
    expect(failed).toEqual(['not reconciled: closed'])
  })

  it('describes itself', () => {
    const program = new Command()
    addReconcileCommand(program)
    expect(program.commands[0]?.helpInformation()).toContain('(default: 10000000)')
  })

  it.each([
    [[]],
    [[...NEEDED, '--accounts', '0']],
    [[...NEEDED, '--opening-balance-msat', '-1']],
    [[...NEEDED, '--tolerance-msat', '1.5']],
  ])('refuses %j', async (args) => {
    await expect(reconcile(args)).rejects.toMatchObject({ name: 'CommanderError' })
  })

  it.each([
    ['no file', () => NEEDED, 'ENOENT'],
    [
      'half an edge',
      () => [...NEEDED, ...files(), '--edge', 'http://127.0.0.1:1'],
      'belong together',
    ],
    ['no database', () => [...NEEDED, ...files()], ''],
  ])('exits with 2 for %s', async (_, args, reason) => {
    const { codes, failed } = await reconcile(args())
    expect(codes).toEqual([2])
    expect(failed).toEqual([expect.stringContaining(reason)])
  })
})
