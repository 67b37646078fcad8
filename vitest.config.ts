import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'

/** A database that nobody listens on: what the objects do then is part of what is tested. */
const NO_DATABASE = 'http://127.0.0.1:9/sql'

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['*/src/**/*.test.ts', 'scripts/**/*.test.ts'],
          exclude: ['e2e/**', '**/*.workers.test.ts', '**/node_modules/**'],
          testTimeout: 20_000,
        },
      },
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: './wrangler.toml' },
            miniflare: { bindings: { DATABASE_URL: NO_DATABASE } },
          }),
        ],
        test: {
          name: 'workers',
          include: ['edge/src/**/*.workers.test.ts'],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['e2e/src/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 90_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
