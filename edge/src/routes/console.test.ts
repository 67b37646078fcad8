import { describe, expect, it } from 'vitest'
import { startEdge } from '../testing/test-edge.ts'

const TYPES = {
  '/console': 'text/html; charset=utf-8',
  '/console/console.css': 'text/css; charset=utf-8',
  '/console/console.js': 'text/javascript; charset=utf-8',
  '/console/icon.svg': 'image/svg+xml',
}
const open = { headers: { authorization: '' } }

describe('GET /console', () => {
  it.each(Object.entries(TYPES))('%s needs no key, and is %s', async (path, type) => {
    const edge = await startEdge()
    const response = await edge.request(path, open)
    expect([response.status, response.headers.get('content-type')]).toEqual([200, type])
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    expect(response.headers.get('cache-control')).toBe('no-cache')
    expect(response.headers.get('set-cookie')).toBeNull()
    expect((await response.text()).length).toBeGreaterThan(50)
  })

  it('may load, ask and be framed by nobody but this origin', async () => {
    const edge = await startEdge()
    const policy = (await edge.request('/console', open)).headers.get('content-security-policy')
    const directives = Object.fromEntries(
      policy!.split('; ').map((directive) => {
        const [name = '', ...sources] = directive.split(' ')
        return [name, sources.join(' ')]
      }),
    )
    expect(directives).toEqual({
      'default-src': "'none'",
      'script-src': "'self'",
      'style-src': "'self'",
      'img-src': "'self' blob:",
      'connect-src': "'self'",
      'base-uri': "'none'",
      'form-action': "'none'",
      'frame-ancestors': "'none'",
      'require-trusted-types-for': "'script'",
      'trusted-types': "'none'",
    })
  })

  it('has nothing inline that its policy would forbid, and loads only what is served here', async () => {
    const edge = await startEdge()
    const html = await (await edge.request('/console', open)).text()
    expect(html).not.toMatch(/<style|\sstyle=|\son\w+=|javascript:|<script(?![^>]*\ssrc=)/)
    const loaded = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url!)
    expect(loaded.length).toBeGreaterThan(3)
    for (const url of loaded) expect(Object.keys(TYPES)).toContain(url)
  })

  it('sends a key nowhere by itself: no field has a name, no form a place to go to', async () => {
    const edge = await startEdge()
    const html = await (await edge.request('/console', open)).text()
    expect(html).not.toMatch(/<form[^>]*\s(action|method)=/)
    expect(html).not.toMatch(/<(input|textarea)[^>]*\sname=/)
  })

  it('answers 304 to whoever has it', async () => {
    const edge = await startEdge()
    for (const path of Object.keys(TYPES)) {
      const etag = (await edge.request(path)).headers.get('etag')!
      const again = await edge.request(path, { headers: { 'if-none-match': etag } })
      expect([again.status, await again.text()]).toEqual([304, ''])
    }
  })

  it('is found with a slash too, and its head alone', async () => {
    const edge = await startEdge()
    const slash = await edge.request('/console/', open)
    expect([slash.status, slash.headers.get('location')]).toEqual([308, '/console'])
    const head = await edge.request('/console', { ...open, method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
  })

  it('has nothing else', async () => {
    const edge = await startEdge()
    for (const path of ['/console/main.ts', '/console/../console.js/x', '/console/constructor'])
      expect((await edge.request(path)).status).toBe(404)
  })
})
