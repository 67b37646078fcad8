import { jsonContent } from './components.ts'
import { HTTP_FAULTS } from './error-answers.ts'
import { ALWAYS, headerRefs } from './headers.ts'
import type { Operation } from './operation.ts'

const LOOK = [...HTTP_FAULTS, 404, 500, 503] as const

/** Confirmed offences of providers: what is known of them, on what evidence, and what their providers say. */
export const SLASH_OPERATIONS: readonly Operation[] = [
  {
    method: 'get',
    path: '/v1/slashes',
    id: 'listSlashes',
    tag: 'Slashes',
    summary: 'The latest slashes of a provider.',
    open: true,
    parameters: ['slashed_provider'],
    answer: { description: 'The latest first, 50 at most.', json: 'SlashList' },
    errors: [...HTTP_FAULTS, 500, 503],
  },
  {
    method: 'get',
    path: '/v1/slashes/{slash}',
    id: 'getSlash',
    tag: 'Slashes',
    summary: 'What anybody may know of a slash.',
    open: true,
    parameters: ['slash'],
    answer: { description: 'The slash.', json: 'Slash' },
    errors: LOOK,
  },
  {
    method: 'get',
    path: '/v1/slashes/{slash}/evidence',
    id: 'getSlashEvidence',
    tag: 'Slashes',
    summary:
      'The exact bytes that the slash is named by. Where `evidence_open` is false, for the client whose ' +
      'answer it is, the provider (by a signed request) and the operator only.',
    open: true,
    parameters: ['slash'],
    answer: { description: 'The evidence.', json: 'SlashEvidence' },
    errors: [...LOOK, 401, 403],
  },
  {
    method: 'post',
    path: '/v1/slashes/{slash}/appeal',
    id: 'appealSlash',
    tag: 'Slashes',
    summary:
      'The provider’s word against a slash, signed with its key; once, until `appeal_until`.',
    open: true,
    parameters: ['slash'],
    request: {
      schema: 'CreateAppeal',
      example: { reason: 'See the log.', at: 1_800_000_000_000, signature: 'AAAA' },
    },
    answer: { description: 'The slash, appealed against.', json: 'Slash' },
    others: {
      409: {
        description: 'It cannot be appealed against, any more or again.',
        headers: headerRefs(ALWAYS),
        content: jsonContent('ErrorResponse'),
      },
    },
    errors: [...LOOK, 403, 413, 415],
  },
]
