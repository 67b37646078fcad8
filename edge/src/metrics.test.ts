import { describe, expect, it } from 'vitest'
import { Counter, Gauge, Histogram, renderMetrics } from './metrics.ts'

describe('metrics', () => {
  it('renders counters with their labels', () => {
    const counter = new Counter('jobs_total', 'Jobs.')
    counter.add()
    counter.add(2, { status: 'ok', model: 'a' })
    counter.add(1, { status: 'ok', model: 'a' })
    expect(renderMetrics([counter])).toBe(
      [
        '# HELP jobs_total Jobs.',
        '# TYPE jobs_total counter',
        'jobs_total 1',
        'jobs_total{status="ok",model="a"} 3',
        '',
      ].join('\n'),
    )
  })

  it('cannot be broken out of by a label', () => {
    const counter = new Counter('c', 'C.')
    counter.add(1, { model: 'a"} 1\nevil{x="\\' })
    expect(counter.render().at(-1)).toBe('c{model="a_} 1_evil{x=__"} 1')
  })

  it('stops at a number of series, and keeps counting those it has', () => {
    const counter = new Counter('c', 'C.')
    for (let i = 0; i < 5000; i++) counter.add(1, { model: `m${i}` })
    counter.add(1, { model: 'm0' })
    expect(counter.render()).toHaveLength(2 + 1000)
    expect(counter.render()[2]).toBe('c{model="m0"} 2')
  })

  it('reads a gauge when it is asked for', () => {
    let value = 1
    const gauge = new Gauge('g', 'G.', () => value)
    value = 7
    expect(gauge.render().at(-1)).toBe('g 7')
  })

  it('puts observations into every bucket that holds them', () => {
    const histogram = new Histogram('h', 'H.')
    for (const seconds of [0.001, 0.3, 100]) histogram.observe(seconds)
    const lines = histogram.render()
    expect(lines).toContain('h_bucket{le="0.001"} 1')
    expect(lines).toContain('h_bucket{le="0.25"} 1')
    expect(lines).toContain('h_bucket{le="0.5"} 2')
    expect(lines).toContain('h_bucket{le="60"} 2')
    expect(lines).toContain('h_bucket{le="+Inf"} 3')
    expect(lines.slice(-2)).toEqual(['h_sum 100.301', 'h_count 3'])
  })
})
