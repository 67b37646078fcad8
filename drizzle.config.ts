import { defineConfig } from 'drizzle-kit'

export default defineConfig({
  dialect: 'postgresql',
  schema: './schemas/src/*tables.ts',
  out: './migrations',
  dbCredentials: { url: process.env['DATABASE_URL'] ?? 'postgres://127.0.0.1:5432/infernet' },
})
