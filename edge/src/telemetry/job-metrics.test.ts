import type { AccountId } from '@infernet/schemas/ids'
import { newJobId } from '@infernet/schemas/ids'
import type { JobRecord } from '@infernet/schemas/job-record'
import { describe, expect, it } from 'vitest'
import { renderMetrics } from '../metrics.ts'
import { recordOf } from '../testing/job-records.ts'
import { JobMetrics, MAX_NAMED_MODELS } from './job-metrics.ts'

const record = (fields: Partial<JobRecord> = {}): JobRecord =>
  recordOf(newJobId(0), 'acct_1' as AccountId, fields)
function rendered(...records: JobRecord[]): string {
  const metrics = new JobMetrics()
  for (const one of records) metrics.jobEnded(one)
  return renderMetrics(metrics.all)
}
const CHAT =
  'gen_ai_operation_name="chat",gen_ai_provider_name="infernet",gen_ai_request_model="tiny"'

describe('metrics of jobs', () => {
  it('have the names, labels and buckets of the GenAI conventions', () => {
    const text = rendered(
      record({ totalMs: 1_100, firstByteMs: 100, promptTokens: 20, completionTokens: 11 }),
    )
    for (const line of [
      `gen_ai_client_operation_duration_seconds_bucket{${CHAT},le="0.64"} 0`,
      `gen_ai_client_operation_duration_seconds_bucket{${CHAT},le="1.28"} 1`,
      `gen_ai_client_token_usage_bucket{${CHAT},gen_ai_token_type="input",le="16"} 0`,
      `gen_ai_client_token_usage_bucket{${CHAT},gen_ai_token_type="input",le="64"} 1`,
      `gen_ai_client_token_usage_sum{${CHAT},gen_ai_token_type="output"} 11`,
      `gen_ai_server_time_to_first_token_seconds_bucket{${CHAT},le="0.1"} 1`,
      `gen_ai_server_time_per_output_token_seconds_bucket{${CHAT},le="0.075"} 0`,
      `gen_ai_server_time_per_output_token_seconds_bucket{${CHAT},le="0.1"} 1`,
      'infernet_jobs_total{status="completed",code=""} 1',
      'infernet_tokens_total{kind="prompt"} 20',
    ]) {
      expect(text).toContain(`\n${line}\n`)
    }
  })

  it('tell failures apart, and measure no first token of what was not a whole stream', () => {
    const text = rendered(
      record({ status: 'failed', errorCode: 'provider_failed', firstByteMs: null }),
      record({ stream: false }),
      record({ status: 'cancelled', errorCode: 'client_disconnected' }),
    )
    expect(text).toContain(
      `gen_ai_client_operation_duration_seconds_count{${CHAT},error_type="provider_failed"} 1`,
    )
    expect(text).toContain(`gen_ai_server_time_to_first_token_seconds_count{${CHAT}} 0`)
    expect(text).toContain(`gen_ai_server_time_per_output_token_seconds_count{${CHAT}} 0`)
  })

  it('name a bounded number of models, and count the others together', () => {
    const models = Array.from({ length: MAX_NAMED_MODELS + 3 }, (_, index) => `m${index}`)
    const text = rendered(...models.map((model) => record({ model })))
    const named = new Set(text.match(/gen_ai_request_model="[^"]*"/g))
    expect(named.size).toBe(MAX_NAMED_MODELS + 1)
    expect(text).toContain(
      'gen_ai_client_token_usage_count{gen_ai_operation_name="chat",gen_ai_provider_name="infernet",gen_ai_request_model="_other",gen_ai_token_type="input"} 3',
    )
  })
})
