import { describe, expect, it } from 'vitest'
import { absolutePaths } from './absolute-paths.ts'

const from = (options: Parameters<typeof absolutePaths>[0]) => absolutePaths(options, '/here')

describe('absolutePaths', () => {
  it('names files from the root on, and leaves words alone', () => {
    expect(
      from({
        model: ['a=b=c.gguf', './d.gguf', '/e.gguf'],
        'lnd-cert': 'tls.cert',
        'spec-template': 'there.jinja',
        'spec-defaults': 'vllm',
        'spec-weights': 'AB'.repeat(32),
        edge: 'https://e',
      }),
    ).toEqual({
      model: ['a=/here/b=c.gguf', '/here/d.gguf', '/e.gguf'],
      'lnd-cert': '/here/tls.cert',
      'spec-template': '/here/there.jinja',
      'spec-defaults': 'vllm',
      'spec-weights': 'AB'.repeat(32),
      edge: 'https://e',
    })
    expect(from({ 'spec-defaults': 'generation_config.json' })).toEqual({
      'spec-defaults': '/here/generation_config.json',
    })
  })

  it('takes models of a server for names, and of any other engine for files', () => {
    const url = { 'engine-url': 'http://127.0.0.1:8000', model: ['m'] }
    expect(from(url)).toEqual(url)
    expect(from({ engine: 'tiny', ...url })).toMatchObject({ model: ['/here/m'] })
    expect(from({ manage: 'vllm', model: ['m=f'] })).toMatchObject({ model: ['m=/here/f'] })
  })
})
