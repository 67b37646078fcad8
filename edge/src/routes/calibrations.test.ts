import { COMPONENTS } from '@infernet/openai-compat/openapi/components'
import { UNMEASURED } from '@infernet/verification/evidence/calibration'
import { describe, expect, it } from 'vitest'
import { errorOf } from '../testing/error-answer.ts'
import { startEdge } from '../testing/test-edge.ts'

const SPEC = 'ab'.repeat(32)

describe('calibrations', () => {
  it('are set by the operator, and shown to anybody', async () => {
    const edge = await startEdge()
    const get = () => edge.request(`/v1/calibrations/${SPEC}`, { key: '' })
    expect(await errorOf(await get())).toMatchObject({ status: 404, code: 'calibration_not_found' })
    const put = (body: unknown) => edge.operate(`/operator/calibrations/${SPEC}`, body, 'PUT')
    const calibration = { ...UNMEASURED, requests: 300, tokens: 9_000 }
    expect((await put(calibration)).status).toBe(200)
    const shown = COMPONENTS.Calibration.parse(await (await get()).json())
    expect(shown).toEqual({ object: 'calibration', spec: SPEC, calibration })
    expect((await put({ ...calibration, excess: [{ above: 0, rate: 2 }] })).status).toBe(400)
    expect(await edge.audits.calibrationOf(SPEC)).toEqual(calibration)
  })

  it('belong to specs, and nothing else', async () => {
    const edge = await startEdge()
    expect((await edge.request('/v1/calibrations/x')).status).toBe(404)
    const put = await edge.operate('/operator/calibrations/x', UNMEASURED, 'PUT')
    expect(put.status).toBe(404)
  })
})
