import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'

/** Until a test or hook counts as hanging. Nothing is measured by it; a busy machine is slow. */
const HANG_MS = 60_000
/** The same where whole systems start. */
const SYSTEM_HANG_MS = 180_000
/** A database that nobody listens on: what the objects do then is part of what is tested. */
const NO_DATABASE = 'http://127.0.0.1:9/sql'

/** What a caller's FORCE_COLOR or CI makes of outputs is no matter of the tests. */
const SETUP = ['scripts/plain-output.ts']

/** Each with systems of its own on ports of its own. */
const SIDE_BY_SIDE =
  'e2e/src/{openai-sdk,openai-sdk-endpoints,ai-sdk,anthropic-sdk,langchain,audits,renderings,canaries,http-engine-audits}.test.ts'

/** Where no vLLM is made for the machine: `.ci/run` knows. */
const WITHOUT = process.env['INFERNET_WITHOUT_VLLM'] === '1' ? ['**/vllm.test.ts'] : []

export default defineConfig({
  test: {
    // One less by default, which on two processors is half of them.
    maxWorkers: '100%',
    globalSetup: ['scripts/temporary-folder.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          setupFiles: SETUP,
          include: ['*/src/**/*.test.ts', 'scripts/**/*.test.ts'],
          exclude: ['e2e/**', '**/*.workers.test.ts', '**/node_modules/**', ...WITHOUT],
          // Nothing here keeps state in a module: loading everything anew for each file took half the time.
          isolate: false,
          testTimeout: HANG_MS,
          hookTimeout: HANG_MS,
        },
      },
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: './wrangler.toml' },
            miniflare: { bindings: { DATABASE_URL: NO_DATABASE, SETTLER_TOKEN: 'settler-token' } },
          }),
        ],
        test: {
          name: 'workers',
          include: ['edge/src/**/*.workers.test.ts'],
          // What an object logs when its file's tests are over would otherwise keep the runner from ending, now and then.
          disableConsoleIntercept: true,
          testTimeout: HANG_MS,
          hookTimeout: HANG_MS,
        },
      },
      {
        test: {
          // They ask and read, and nothing in them is killed at a moment, or timed.
          name: 'side-by-side',
          setupFiles: SETUP,
          include: [SIDE_BY_SIDE],
          testTimeout: SYSTEM_HANG_MS,
          hookTimeout: SYSTEM_HANG_MS,
        },
      },
      {
        test: {
          name: 'e2e',
          setupFiles: SETUP,
          include: ['e2e/src/**/*.test.ts'],
          exclude: [SIDE_BY_SIDE],
          testTimeout: SYSTEM_HANG_MS,
          hookTimeout: SYSTEM_HANG_MS,
          fileParallelism: false,
        },
      },
    ],
  },
})
