import { expect, it } from 'vitest'
import { VERDICT_WAIT_MS } from '../limits.ts'
import { verdictDueAt } from './verdict-wait.ts'

const NOW = 1_000

it.each([
  ['a while', undefined, NOW + VERDICT_WAIT_MS + 1, NOW + VERDICT_WAIT_MS],
  ['no longer than its job may take', undefined, NOW + 1, NOW + 1],
  ['as long as it has said, longer than that too', 7, NOW + 1, NOW + 7],
])('a client waits for the verdict %s', (_long, waitMs, deadline, due) => {
  const verification = {
    mode: 'strict' as const,
    isOpen: false,
    ...(waitMs !== undefined && { waitMs }),
  }
  expect(verdictDueAt({ verification }, NOW, deadline)).toBe(due)
})
