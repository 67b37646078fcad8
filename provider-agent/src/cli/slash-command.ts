import { signAppeal } from '@infernet/schemas/appeal'
import { isSlashId, slashFactsSchema } from '@infernet/schemas/slash-facts'
import { InvalidArgumentError, type Command } from 'commander'
import { z } from 'zod'
import { askEdgeJson, edgeUrl } from '../edge-api/ask-edge.ts'
import { EXIT, OwnerError, type ExitCode } from '../exit-codes.ts'
import { plainJson } from '../plain-text.ts'
import { InputError } from '../read-input.ts'
import { ownScores, OwnScoresError, type OwnScoresErrorCode } from '../slashes/own-scores.ts'
import { readSlash, SlashSourceError } from '../slashes/slash-source.ts'
import type { SlashVerdict } from '../slashes/slash-verdict.ts'
import { verifySlash, type OwnScorer } from '../slashes/verify-slash.ts'
import { JSON_OPTION } from './control-asks.ts'
import { edgeFault } from './edge-fault.ts'
import { edgeOption, ownEdge } from './own-edge.ts'
import { ownIdentity, requiredIdentity } from './own-identity.ts'
import { slashText, verdictText } from './slash-text.ts'
import { untilStopped } from './until-stopped.ts'

interface VerifyFlags {
  readonly model?: string
  readonly edgeSha256?: string
  readonly data?: string
  readonly json?: boolean
}

interface EdgeFlags {
  readonly edge?: string
  readonly data?: string
  readonly json?: boolean
}

const DATA = ['--data <directory>', 'where the provider’s key is kept (INFERNET_DATA)'] as const

/** Adds `slash verify`, `slash show` and `slash appeal` to the program. */
export function addSlashCommand(program: Command): void {
  const slash = program.command('slash').description('check, show and appeal against slashes')
  slash
    .command('verify')
    .description(
      'come to a slash’s verdict again, from its evidence: exit code 0 if it convicts, 7 if not, 6 if it does not hold',
    )
    .argument(
      '<evidence>',
      'a file, the slash’s URL (https://…/v1/slashes/slash_…), or - for standard input',
    )
    .option(
      '--model <file.gguf>',
      'compute the answer’s probabilities here, with the spec’s weights',
    )
    .option('--edge-sha256 <hex>', 'the evidence’s hash, as the edge has published it', sha256)
    .option(...DATA)
    .option(...JSON_OPTION)
    .action(verify)
  slash
    .command('show')
    .description('show a slash, or all of this provider')
    .argument('[slash]', 'its id, slash_…', slashId)
    .addOption(edgeOption())
    .option(...DATA)
    .option(...JSON_OPTION)
    .action(show)
  slash
    .command('appeal')
    .description('say why a slash is wrong; once, until its time to appeal is over')
    .argument('<slash>', 'its id, slash_…', slashId)
    .addOption(edgeOption())
    .requiredOption('--reason <text>', 'for the operator, at most 2000 characters')
    .option(...DATA)
    .option(...JSON_OPTION)
    .action(appeal)
}

async function verify(source: string, flags: VerifyFlags): Promise<void> {
  const result = await ownersFault(async () => {
    const { json, facts } = await readSlash(source, ownIdentity(flags.data), Date.now())
    return verifySlash(json, { facts, sha256: flags.edgeSha256 }, scorerOf(flags.model))
  })
  console.log(flags.json ? plainJson(result) : verdictText(result))
  process.exitCode = VERDICT_CODES[result.verdict]
}

const VERDICT_CODES: Readonly<Record<SlashVerdict['verdict'], ExitCode>> = {
  convicts: EXIT.ok,
  acquits: EXIT.notProven,
  unsound: EXIT.badReceipt,
}

function scorerOf(file: string | undefined): OwnScorer | undefined {
  if (file === undefined) return undefined
  const { signal } = untilStopped()
  return (json, evidence) => ownScores(file, json, evidence, signal)
}

async function show(id: string | undefined, flags: EdgeFlags): Promise<void> {
  const { data, json } = flags
  const edge = await ownEdge(`slash show${id === undefined ? '' : ` ${id}`}`, flags)
  const slashes = await edgeFault(async () => {
    if (id !== undefined)
      return [await askEdgeJson(edgeUrl(edge, `/v1/slashes/${id}`), slashFactsSchema)]
    const { peer } = requiredIdentity(data)
    const list = z.object({ data: z.array(slashFactsSchema) })
    return (await askEdgeJson(edgeUrl(edge, `/v1/slashes?provider=${peer}`), list)).data
  })
  if (slashes.length === 0 && !json) console.log('this provider was never slashed here')
  for (const facts of slashes) console.log(json ? plainJson(facts) : slashText(facts))
}

async function appeal(id: string, flags: EdgeFlags & { readonly reason: string }): Promise<void> {
  const { data, json, reason } = flags
  const said = signedAppeal(requiredIdentity(data), id, reason)
  const edge = await ownEdge(`slash appeal ${id} --reason …`, flags)
  const facts = await edgeFault(async () =>
    askEdgeJson(edgeUrl(edge, `/v1/slashes/${id}/appeal`), slashFactsSchema, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(said),
    }),
  )
  console.log(json ? JSON.stringify(facts) : slashText(facts))
}

function signedAppeal(signer: ReturnType<typeof requiredIdentity>, id: string, reason: string) {
  try {
    return signAppeal(signer, id, { reason, at: Date.now() })
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error
    throw new OwnerError(EXIT.usage, '--reason has 1 to 2000 characters, none of them for control')
  }
}

function slashId(text: string): string {
  if (isSlashId(text)) return text
  throw new InvalidArgumentError('Expected a slash’s id: slash_ and 32 hex digits.')
}

function sha256(text: string): string {
  if (/^[0-9a-f]{64}$/i.test(text)) return text.toLowerCase()
  throw new InvalidArgumentError('Expected 64 hex digits.')
}

const SCORE_CODES: Readonly<Record<OwnScoresErrorCode, ExitCode>> = {
  wrong_weights: EXIT.usage,
  engine: EXIT.engine,
}

const ownersFault = <T>(work: () => Promise<T>): Promise<T> =>
  edgeFault(async () => {
    try {
      return await work()
    } catch (error) {
      if (error instanceof SlashSourceError || error instanceof InputError) {
        throw new OwnerError(EXIT.usage, error.message)
      }
      if (error instanceof OwnScoresError) {
        throw new OwnerError(SCORE_CODES[error.code], error.message)
      }
      throw error
    }
  })
