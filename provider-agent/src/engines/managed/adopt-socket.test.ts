import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { isAdopted } from './adopt-socket.ts'

const folder = mkdtempSync(join(tmpdir(), 'infernet-'))
mkdirSync(join(folder, 'engine'))
const made = join(folder, 'engine', 'engine.sock')
const own = join(folder, 'own.sock')

it('keeps the engine’s socket, whatever the engine puts in its place', async () => {
  expect(isAdopted(made, own)).toBe(false)
  const met: string[] = []
  const listen = async (path: string, name: string) => {
    const server = createServer((socket) => {
      met.push(name)
      socket.destroy()
    }).listen(path)
    await once(server, 'listening')
    return server
  }
  const servers = [await listen(made, 'engine'), await listen(join(folder, 'other'), 'other')]
  expect(isAdopted(made, own)).toBe(true)
  rmSync(made)
  symlinkSync(join(folder, 'other'), made)
  expect(isAdopted(made, own)).toBe(true)
  await once(connect(own), 'close')
  expect(met).toEqual(['engine'])
  for (const server of servers) server.close()
})

it('takes no folder for a socket', () => {
  const inPlace = join(folder, 'engine', 'folder.sock')
  const kept = join(folder, 'none.sock')
  mkdirSync(inPlace)
  expect(isAdopted(inPlace, kept)).toBe(false)
  expect(existsSync(kept)).toBe(false)
})

it('takes no link for a socket', () => {
  const link = join(folder, 'engine', 'link.sock')
  const kept = join(folder, 'kept.sock')
  symlinkSync('/run/somebody.sock', link)
  expect(isAdopted(link, kept)).toBe(false)
  expect(existsSync(kept)).toBe(false)
})
