import { AUDIT_EPOCH_MS, epochOf, isCommittedKey } from '@infernet/verification/audit/audit-epoch'
import { COMPONENTS } from '@infernet/openai-compat/openapi/components'
import { expect, it } from 'vitest'
import { startEdge } from '../testing/test-edge.ts'

it('GET /v1/audit-epochs commits to keys before their time, and shows them after it, to anybody', async () => {
  const edge = await startEdge()
  const list = async () => {
    const response = await edge.request('/v1/audit-epochs', { key: '' })
    expect(response.status).toBe(200)
    return COMPONENTS.AuditEpochs.parse(await response.json()).data
  }
  const before = await list()
  const now = edge.clock.now()
  const current = before.find(({ epoch }) => epoch === epochOf(now))
  expect(current).toMatchObject({ key: null })
  expect(before[0]?.starts_at).toBeGreaterThan(now / 1000)
  edge.clock.advance(2 * AUDIT_EPOCH_MS)
  const after = (await list()).find(({ epoch }) => epoch === current?.epoch)
  expect(after?.key_sha256).toBe(current?.key_sha256)
  const [key = '', commitment = ''] = [after?.key ?? '', current?.key_sha256]
  expect(isCommittedKey(Buffer.from(key, 'hex'), Buffer.from(commitment, 'hex'))).toBe(true)
})
