import type { z } from 'zod'
import type { ApiError } from './api-error.ts'
import { apiErrors } from './api-errors.ts'

/** Characters of a path in `param`: keys are the client's and may be as long as its body. */
const MAX_PARAM_CHARS = 200

type Issue = z.core.$ZodIssue

/** What was found at a path, in words, without quoting the client's data. */
function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object') return 'an object'
  if (typeof value === 'number') return Number.isInteger(value) ? 'an integer' : 'a number'
  return `a ${typeof value}`
}

const EXPECTED: Record<string, string> = {
  int: 'an integer',
  array: 'an array',
  object: 'an object',
  record: 'an object',
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined
    value = Object.hasOwn(value, key) ? (value as Record<PropertyKey, unknown>)[key] : undefined
  }
  return value
}

/** Whether `a` is further into the same body than `b`: deeper, or later in the same list. */
function isFurther(a: readonly PropertyKey[], b: readonly PropertyKey[]): boolean {
  if (a.length !== b.length) return a.length > b.length
  const [last, other] = [a.at(-1), b.at(-1)]
  return typeof last === 'number' && typeof other === 'number' && last > other
}

interface Finding {
  issue: Issue
  path: PropertyKey[]
  /** The value is of the kind that this option of a union is for, as far as its first item shows. */
  isMeant: boolean
}

function finding(issue: Issue, path: PropertyKey[]): Finding {
  const isOtherKind = issue.code === 'invalid_type' && issue.expected !== 'int'
  const isFirst = path.length === 0 || (path.length === 1 && path[0] === 0)
  return { issue, path, isMeant: !(isOtherKind && isFirst) }
}

/**
 * A union fails with one list of issues per option. The option that was meant and got furthest has
 * the useful issue; where the value is of no option's kind, the kinds are named.
 */
function deepest(issue: Issue): Finding {
  if (issue.code !== 'invalid_union') return finding(issue, issue.path)
  let best: Finding = { issue, path: [], isMeant: false }
  for (const option of issue.errors) {
    if (option[0] === undefined) continue
    const inner = deepest(option[0])
    const found = finding(inner.issue, inner.path)
    const isBetter =
      found.isMeant === best.isMeant ? isFurther(found.path, best.path) : found.isMeant
    if (isBetter) best = found
  }
  return { ...best, path: [...issue.path, ...best.path] }
}

/** Zod's own switch for `validate()`: a list of a million wrong items is one issue, not a million. */
const STOP_EARLY: z.core.ParseContext<z.core.$ZodIssue> & { abortEarly: true } = {
  abortEarly: true,
}

/**
 * Checks a value of a request body against a schema that changes nothing, so that the client's own
 * object can be used: the same thing with less garbage. Stops at the first thing that is wrong.
 *
 * @throws ApiError 400 with `param` naming the field, dotted (`messages.0.role`).
 */
export function checkShape<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
): asserts value is z.output<Schema> {
  const checked = schema.safeParse(value, STOP_EARLY)
  if (!checked.success) throw issueToError(checked.error.issues, value)
}

function quoted(values: readonly unknown[]): string {
  return values.map((value) => `'${String(value)}'`).join(', ')
}

/** What a plain union of types accepts: "a string or an array". */
function unionTypes(issue: Issue & { code: 'invalid_union' }): string {
  const types = issue.errors.flatMap((option) =>
    option[0]?.code === 'invalid_type'
      ? [EXPECTED[option[0].expected] ?? `a ${option[0].expected}`]
      : [],
  )
  return [...new Set(types)].join(' or ')
}

function sizeProblem(issue: Issue & { code: 'too_big' | 'too_small' }): [string, string] {
  const big = issue.code === 'too_big'
  const limit = big ? issue.maximum : issue.minimum
  const bound = big ? 'at most' : 'at least'
  if (issue.origin === 'array') {
    return [
      `expected ${bound} ${limit} ${limit === 1 ? 'item' : 'items'}`,
      big ? 'array_above_max_length' : 'array_below_min_length',
    ]
  }
  if (issue.origin === 'string') {
    return [
      `expected ${bound} ${limit} ${limit === 1 ? 'character' : 'characters'}`,
      big ? 'string_above_max_length' : 'string_below_min_length',
    ]
  }
  return [`expected a value of ${bound} ${limit}`, big ? 'above_max_value' : 'below_min_value']
}

/**
 * The first zod issue as a 400 in OpenAI's manner: `param` is the dotted path, the message says
 * what was expected and what kind of thing was found, and never repeats the client's text.
 */
function issueToError(issues: readonly Issue[], body: unknown): ApiError {
  const top = issues[0]
  if (top === undefined) return apiErrors.invalidRequest('The request body is invalid.')
  const { issue, path } = deepest(top)
  const param = path.map(String).join('.').slice(0, MAX_PARAM_CHARS)
  const found = valueAt(body, path)
  const bad = (problem: string, code: string): ApiError =>
    apiErrors.invalidRequest(`Invalid '${param}': ${problem}.`, param, code)

  if (param === '') {
    return apiErrors.invalidRequest(
      `The request body must be a JSON object, but it is ${kindOf(body)}.`,
      undefined,
      'invalid_type',
    )
  }
  if (found === undefined && issue.code !== 'invalid_key') {
    return apiErrors.invalidRequest(
      `Missing required parameter: '${param}'.`,
      param,
      'missing_required_parameter',
    )
  }
  switch (issue.code) {
    case 'invalid_type':
      return bad(
        `expected ${EXPECTED[issue.expected] ?? `a ${issue.expected}`}, but got ${kindOf(found)}`,
        'invalid_type',
      )
    case 'too_big':
    case 'too_small':
      return bad(...sizeProblem(issue))
    case 'invalid_value':
      return bad(`expected one of ${quoted(issue.values)}`, 'invalid_value')
    case 'not_multiple_of':
      return bad('expected an integer', 'invalid_type')
    case 'invalid_union':
      // A discriminated union lists its tags in a field that zod's types leave out.
      if ('options' in issue && Array.isArray(issue.options)) {
        return bad(`expected one of ${quoted(issue.options)}`, 'invalid_value')
      }
      return bad(
        `expected ${unionTypes(issue) || 'another value'}, but got ${kindOf(found)}`,
        'invalid_type',
      )
    case 'invalid_format':
      return bad(
        issue.format === 'regex' && issue.pattern !== undefined
          ? `expected a string that matches ${issue.pattern}`
          : `expected ${issue.format}`,
        'invalid_value',
      )
    case 'invalid_key':
      return bad('this key is not allowed here', 'invalid_value')
    default:
      return bad(issue.message, 'invalid_value')
  }
}
