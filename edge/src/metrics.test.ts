import { describe, expect, it } from 'vitest'
import { Counter, Gauge, Histogram, mergeMetrics, renderMetrics } from './metrics.ts'

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

describe('metrics of several processes', () => {
  it('are merged: each metric once, its lines told apart by their source', () => {
    const text = (value: number): string => {
      const counter = new Counter('jobs_total', 'Jobs.')
      counter.add(value, { status: 'ok' })
      return renderMetrics([counter, new Gauge('g', 'G.', () => value)])
    }
    const merged = mergeMetrics([
      { labels: { shard: 'a' }, text: text(1) },
      { labels: { shard: 'b' }, text: text(2) },
    ])
    expect(merged).toBe(
      [
        '# HELP jobs_total Jobs.',
        '# TYPE jobs_total counter',
        'jobs_total{shard="a",status="ok"} 1',
        'jobs_total{shard="b",status="ok"} 2',
        '# HELP g G.',
        '# TYPE g gauge',
        'g{shard="a"} 1',
        'g{shard="b"} 2',
        '',
      ].join('\n'),
    )
    expect(mergeMetrics([])).toBe('')
  })

  it('take bounds of their own, and several readings of one gauge', () => {
    const histogram = new Histogram('t', 'T.', [1, 10])
    histogram.observe(10)
    expect(histogram.render().slice(2, 5)).toEqual([
      't_bucket{le="1"} 0',
      't_bucket{le="10"} 1',
      't_bucket{le="+Inf"} 1',
    ])
    const gauge = new Gauge('g', 'G.', () => [{ labels: { shard: 'a' }, value: 3 }])
    expect(gauge.render().at(-1)).toBe('g{shard="a"} 3')
  })
})
