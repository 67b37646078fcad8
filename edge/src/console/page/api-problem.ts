import { inSat } from './amounts.ts'

/** The API refused, or could not be reached: then the status is 0. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem'
  readonly status: number
  /** As in the answer's envelope, or `unreachable`. */
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }

  /** Asking again cannot change it. */
  get isFinal(): boolean {
    return this.status >= 400 && this.status < 500 && this.status !== 429
  }
}

export const isFinal = (error: unknown): boolean => error instanceof ApiProblem && error.isFinal

/** What was not understood of an answer. */
const UNREADABLE = 'The answer could not be read.'

/** The problem that an error's answer tells of, whatever made it: a proxy sends no envelope. */
export async function problemOf(response: Response): Promise<ApiProblem> {
  const body: unknown = await response.json().catch(() => undefined)
  const error = field(body, 'error')
  const [code, message] = [field(error, 'code'), field(error, 'message')]
  return new ApiProblem(
    response.status,
    typeof code === 'string' ? code : `http_${response.status}`,
    typeof message === 'string' ? message : UNREADABLE,
  )
}

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined

const IN_OUR_WORDS: Readonly<Record<string, string>> = {
  unreachable: 'The server does not answer. Check your connection, then try again.',
  invalid_api_key:
    'This key is not known here. Paste all of it: keys begin with sk-inf- and come from the operator of this server.',
  account_required: 'This credential is for requests only. Use a key of an account.',
}

/** What a person is told of anything that was thrown. */
export function explain(error: unknown): string {
  if (!(error instanceof ApiProblem)) return 'Something went wrong in this page. Load it again.'
  const known = IN_OUR_WORDS[error.code]
  if (known !== undefined) return known
  if (error.message !== UNREADABLE) return inSat(error.message)
  return `The server answered with an error (${error.status}). Try again in a moment.`
}
