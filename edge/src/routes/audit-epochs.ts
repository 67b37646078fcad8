import { apiErrors } from '@infernet/openai-compat/api-errors'
import { AUDIT_EPOCH_MS, epochOf, revealAt } from '@infernet/verification/audit/audit-epoch'
import { Hono } from 'hono'
import { answer } from '../answers.ts'
import type { EdgeEnv, EdgeServices } from '../services.ts'

/** Shown before they begin, so that nobody has to be awake at the very moment. */
const FUTURE_EPOCHS = 4
/** A week: providers' books are closed by then. */
const PAST_EPOCHS = 28

/**
 * GET /v1/audit-epochs, for anybody: SHA-256 of the key that decides what is audited, from before its epoch
 * begins; the key itself once the epoch is over. With the rate in a receipt everybody can check afterwards
 * that an answer was, or was not, to be looked at.
 */
export function auditEpochs(services: EdgeServices): Hono<EdgeEnv> {
  const { audit } = services
  const app = new Hono<EdgeEnv>()
  app.get('/', (c) => {
    if (audit === undefined) throw apiErrors.notFound(c.req.method, c.req.path)
    const time = services.now()
    const latest = epochOf(time) + FUTURE_EPOCHS
    const data = Array.from({ length: FUTURE_EPOCHS + 1 + PAST_EPOCHS }, (_, i) => latest - i)
      .filter((epoch) => epoch >= 0)
      .map((epoch) => ({
        object: 'audit_epoch',
        epoch,
        starts_at: (epoch * AUDIT_EPOCH_MS) / 1000,
        ends_at: ((epoch + 1) * AUDIT_EPOCH_MS) / 1000,
        key_sha256: audit.commitmentOf(epoch),
        reveal_at: revealAt(epoch) / 1000,
        key: audit.revealed(epoch, time) ?? null,
      }))
    return answer(services, c, { object: 'list', data })
  })
  return app
}
