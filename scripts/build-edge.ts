// `npm run build:edge`: the edge's Node host as one file, dist/edge.mjs, for deployment.
import { join } from 'node:path'
import { bundleEdge } from './start/edge-bundle.ts'

const outfile = join(import.meta.dirname, '..', 'dist', 'edge.mjs')
await bundleEdge(outfile)
console.log(outfile)
