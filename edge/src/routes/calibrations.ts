import { apiErrors } from '@infernet/openai-compat/api-errors'
import { Hono } from 'hono'
import { answer } from '../answers.ts'
import type { EdgeContext, EdgeEnv, EdgeServices } from '../services.ts'

const SPEC = /^[0-9a-f]{64}$/

/** GET /v1/calibrations/{spec}, for anybody: what audits of that spec are judged by. */
export function calibrations(services: EdgeServices): Hono<EdgeEnv> {
  const app = new Hono<EdgeEnv>()
  app.get('/:spec', async (c) => {
    const spec = specIn(c)
    const calibration = await services.audits.calibrationOf(spec)
    if (calibration === undefined) throw apiErrors.objectNotFound('calibration', spec)
    return answer(services, c, { object: 'calibration', spec, calibration })
  })
  return app
}

/** The spec in a path. Throws ApiError 404. */
export function specIn(c: EdgeContext): string {
  const spec = c.req.param('spec') ?? ''
  if (!SPEC.test(spec)) throw apiErrors.objectNotFound('calibration', spec)
  return spec
}
