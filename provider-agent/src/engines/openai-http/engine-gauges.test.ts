import { describe, expect, it } from 'vitest'
import { readGauges } from './engine-gauges.ts'

/** llama-server v0.5.0 while it answered one request, recorded on 2026-11-26. */
const LLAMA_SERVER = `# HELP llamacpp:prompt_tokens_total Number of prompt tokens processed.
# TYPE llamacpp:prompt_tokens_total counter
llamacpp:prompt_tokens_total 11
# TYPE llamacpp:tokens_predicted_total counter
llamacpp:tokens_predicted_total 40
# TYPE llamacpp:predicted_tokens_seconds gauge
llamacpp:predicted_tokens_seconds 2941.62
# TYPE llamacpp:requests_processing gauge
llamacpp:requests_processing 1
# TYPE llamacpp:requests_deferred gauge
llamacpp:requests_deferred 0
`

/** In the form of vLLM's own loggers, with two engines behind one server. */
const VLLM = `vllm:num_requests_running{engine="0",model_name="m"} 7.0
vllm:num_requests_running{engine="1",model_name="m"} 5.0
vllm:num_requests_waiting{engine="0",model_name="m"} 0.0
vllm:num_requests_waiting{engine="1",model_name="m"} 3.0
vllm:num_requests_waiting_by_reason{engine="1",model_name="m",reason="capacity"} 3.0
vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.25
vllm:kv_cache_usage_perc{engine="1",model_name="m"} 0.75
vllm:generation_tokens_total{engine="0",model_name="a b} 9"} 1.5e+06
vllm:generation_tokens_created{engine="0",model_name="m"} 1.7e+09
`

describe('the gauges of engines', () => {
  it('are read of llama-server', () => {
    expect(readGauges(LLAMA_SERVER)).toEqual({
      running: 1,
      waiting: 0,
      kvUse: undefined,
      written: 40,
    })
  })

  it('are read of vLLM, all its engines together', () => {
    expect(readGauges(VLLM)).toEqual({ running: 12, waiting: 3, kvUse: 0.5, written: 1.5e6 })
  })

  it('are read by their old names', () => {
    const old = VLLM.replaceAll('vllm:kv_cache_usage_perc', 'vllm:gpu_cache_usage_perc')
    expect(readGauges(old)?.kvUse).toBe(0.5)
  })

  it('are read of SGLang', () => {
    const sglang =
      'sglang:num_running_reqs{tp="0"} 2\nsglang:num_queue_reqs 1\nsglang:token_usage 0.1'
    expect(readGauges(sglang)).toMatchObject({ running: 2, waiting: 1, kvUse: 0.1 })
  })

  it('are read of TGI, whose histograms count tokens', () => {
    const tgi =
      'tgi_batch_current_size 3\ntgi_queue_size 2\ntgi_request_generated_tokens_bucket{le="1"} 4\n' +
      'tgi_request_generated_tokens_sum 75\ntgi_request_generated_tokens_count 5'
    expect(readGauges(tgi)).toEqual({ running: 3, waiting: 2, kvUse: undefined, written: 75 })
  })

  it.each([
    '',
    '<html>not found</html>',
    'vllm:num_requests_running 1',
    'vllm:num_requests_running NaN\nvllm:num_requests_waiting -1',
    'node_load1 3',
  ])('are not made up: %j', (text) => {
    expect(readGauges(text)).toBeUndefined()
  })
})
