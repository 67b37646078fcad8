import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startChild, untilReady } from '../child-process.ts'
import { LOOPBACK, freePort } from '../loopback.ts'
import { BENCH_MODEL } from '../mock-engine.ts'
import type { Target } from '../target.ts'

const START_LIMIT_MS = 10_000

/** Where Debian and those who build it themselves have it. */
const BINARY = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/local/nginx/sbin/nginx'].find(
  existsSync,
)

/** Nobody installs nginx for a bench: it is measured where it is. */
export const hasNginx = BINARY !== undefined

/** What a reverse proxy in C costs that knows nothing of jobs: the physical limit. One process. */
export const nginx: Target = {
  name: 'nginx',
  start: async (engineUrl) => {
    await using cleanup = new AsyncDisposableStack()
    const folder = await mkdtemp(join(tmpdir(), 'bench-nginx-'))
    cleanup.defer(() => rm(folder, { recursive: true, force: true }))
    const port = await freePort()
    await writeFile(join(folder, 'nginx.conf'), configuration(port, new URL(engineUrl).host))
    const gateway = startChild({
      name: 'nginx',
      ...(BINARY !== undefined && { command: BINARY }),
      args: ['-p', folder, '-c', 'nginx.conf', '-e', 'stderr'],
    })
    cleanup.defer(() => gateway.stop())
    const baseUrl = `http://${LOOPBACK}:${port}/v1`
    await untilReady(gateway, async () => (await fetch(baseUrl)).status < 500, START_LIMIT_MS)
    const running = cleanup.move()
    return {
      baseUrl,
      headers: {},
      model: BENCH_MODEL,
      pids: { gateway: gateway.pid },
      stop: () => running.disposeAsync(),
    }
  },
}

/** Streams unbuffered over kept connections, as its manual says for server-sent events. */
const configuration = (port: number, engine: string): string => `
daemon off; master_process off; pid nginx.pid;
events { worker_connections 4096; }
http {
  access_log off; client_max_body_size 8m; client_body_buffer_size 256k;
  client_body_temp_path .; proxy_temp_path .; fastcgi_temp_path .; uwsgi_temp_path .; scgi_temp_path .;
  keepalive_requests 1000000;
  upstream engine { server ${engine}; keepalive 1024; keepalive_requests 1000000; }
  server {
    listen ${LOOPBACK}:${port} backlog=4096;
    location / { proxy_pass http://engine; proxy_http_version 1.1; proxy_set_header Connection ''; proxy_buffering off; }
  }
}
`
