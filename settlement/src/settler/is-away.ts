import { DbUnavailable } from '../db/db-port.ts'
import { isPassing } from '../intake/retry.ts'
import { EdgeLinkError } from './edge-link-error.ts'

/** Whether node, database or edge could not be asked: says nothing about the row that it was about. */
export const isAway = (error: unknown): boolean =>
  error instanceof DbUnavailable ||
  isPassing(error) ||
  (error instanceof EdgeLinkError && error.code !== 'refused')
