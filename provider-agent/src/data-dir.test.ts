import { homedir } from 'node:os'
import { describe, expect, it } from 'vitest'
import { dataDir } from './data-dir.ts'

describe('dataDir', () => {
  it.each([
    ['/data', { INFERNET_DATA: '/env', XDG_DATA_HOME: '/xdg' }, '/data'],
    [undefined, { INFERNET_DATA: '/env', XDG_DATA_HOME: '/xdg' }, '/env'],
    [undefined, { XDG_DATA_HOME: '/xdg' }, '/xdg/infernet'],
    [undefined, {}, `${homedir()}/.local/share/infernet`],
  ])('--data %s, environment %j', (option, env, root) => {
    expect(dataDir(option, env)).toEqual({
      key: `${root}/agent/key.pem`,
      isCredential: false,
      outbox: `${root}/agent/outbox`,
      control: `${root}/agent/control.sock`,
      settings: `${root}/agent.json`,
    })
  })
})
