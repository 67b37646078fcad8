import { expect, it } from 'vitest'
import { startLeashed } from './leash.ts'
import { OutputTail } from './output-tail.ts'

const endOf = (script: string) => {
  const command = { file: '/bin/sh', args: ['-c', script], env: process.env }
  return startLeashed(command, new OutputTail([])).ended
}

it.each(['ABRT', 'BUS', 'XCPU', 'KILL'])('says that SIG%s ended an engine', async (name) => {
  const { reason } = await endOf(`ulimit -c 0; kill -s ${name} $$`)
  expect(reason).toBe(`was ended by SIG${name}`)
})

it('tells codes that are no signal', async () => {
  expect(await endOf('exit 7')).toEqual({ code: 7, reason: 'ended with code 7' })
  expect((await endOf('exit 255')).reason).toBe('ended with code 255')
})

it('ends a command that is told to before it has begun, time after time', async () => {
  const command = { file: '/bin/sleep', args: ['600'], env: process.env }
  for (let round = 0; round < 60; round++) {
    const process = startLeashed(command, new OutputTail([]))
    process.terminate()
    expect((await process.ended).reason).toBe('was ended by SIGTERM')
  }
})
