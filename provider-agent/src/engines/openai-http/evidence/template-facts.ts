import { readsClock } from '@infernet/models/chat-template'
import { hash } from 'node:crypto'

/** What has to be known of a chat template. */
export interface TemplateFacts {
  /** Hex. */
  readonly sha256: string
  /** Whether it renders the same at any time; not where nobody has it here. */
  readonly isTimeless: boolean
}

export const templateFacts = (source: string): TemplateFacts => ({
  sha256: hash('sha256', source),
  isTimeless: !readsClock(source),
})
