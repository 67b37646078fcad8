import { PassThrough } from 'node:stream'
import { expect, it } from 'vitest'
import { EXIT } from '../exit-codes.ts'
import { Questions } from './questions.ts'

const stopped = expect.objectContaining({ exitCode: EXIT.interrupted }) as Error

it('a question is left when the setup is stopped, and none is asked after that', async () => {
  const stopping = new AbortController()
  const streams = { input: new PassThrough(), output: new PassThrough() }
  const questions = new Questions({ ...streams, signal: stopping.signal })
  const asking = questions.isYes('Write this?')
  stopping.abort()
  await expect(asking).rejects.toThrow(stopped)
  await expect(questions.text('Which edge?', '', () => undefined)).rejects.toThrow(stopped)
  await expect(questions.choose('What?', [{ value: 1, label: 'one' }])).rejects.toThrow(stopped)
})
