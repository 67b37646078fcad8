import { describe, expect, it } from 'vitest'
import { SYSTEM_STATE } from '../service/service-files.ts'
import { keyElsewhere, nextStep, serviceFolder, SYSTEM_KEYS, type OwnAgent } from './own-agent.ts'

const NONE = { system: false, userData: undefined }
const OF_MACHINE = { system: true, userData: undefined }
const OWN: OwnAgent = {
  root: '/home/me/.local/share/infernet',
  isNamed: false,
  dataFlag: '',
  hasKey: true,
  hasSocket: false,
  hasSettings: true,
  services: NONE,
}
const ofUser = (userData: string) => ({ system: false, userData })
const named = (root: string) => ({ root, isNamed: true, dataFlag: ` --data ${root}` })

describe('the next step where no agent answers', () => {
  it.each<[string, Partial<OwnAgent>, string]>([
    ['after setup', {}, 'infernet-agent run'],
    ['before setup', { hasKey: false, hasSettings: false }, 'infernet-agent setup'],
    ['with flags alone', { hasSettings: false }, 'infernet-agent run --edge URL'],
    ['in a folder of one’s own', named('/d'), 'infernet-agent run --data /d'],
    [
      'beside the machine’s service, whose key may be this one',
      { services: OF_MACHINE },
      'sudo infernet-agent status --data /var/lib/infernet-agent',
    ],
    [
      'with the keys of the machine’s service',
      { ...named(SYSTEM_KEYS), services: OF_MACHINE },
      'sudo infernet-agent status --data /var/lib/infernet-agent',
    ],
    [
      'where the machine’s service should run',
      { ...named(SYSTEM_STATE), services: OF_MACHINE },
      'sudo infernet-agent service status',
    ],
    [
      'in a folder of one’s own beside the machine’s service',
      { ...named('/d'), services: OF_MACHINE },
      'infernet-agent run --data /d',
    ],
    [
      'where the user’s service should run',
      { services: ofUser(OWN.root) },
      'infernet-agent service status --user',
    ],
    [
      'elsewhere than the user’s service',
      { services: ofUser('/my data') },
      "infernet-agent status --data '/my data'",
    ],
  ])('%s', (_, own, step) => {
    expect(nextStep({ ...OWN, ...own })).toBe(step)
  })
})

describe('the key of a service', () => {
  const keyless = { ...OWN, hasKey: false }

  it('is where to look for one who has none', () => {
    expect(keyElsewhere({ ...keyless, services: OF_MACHINE })).toEqual({
      root: '/etc/infernet-agent',
      command: 'sudo infernet-agent',
    })
    expect(keyElsewhere({ ...keyless, services: ofUser('/d') })).toEqual({
      root: '/d',
      command: 'infernet-agent',
    })
  })

  it('is nothing to who has one, names a folder, or is where it belongs', () => {
    const others: Partial<OwnAgent>[] = [
      { services: NONE },
      { services: OF_MACHINE, hasKey: true },
      { services: OF_MACHINE, ...named('/d') },
      { services: ofUser(OWN.root) },
    ]
    for (const own of others) expect(keyElsewhere({ ...keyless, ...own })).toBeUndefined()
  })
})

describe('what root is shown who names no folder', () => {
  const beside = { ...OWN, services: OF_MACHINE }

  it('is the machine’s service', () => {
    expect(serviceFolder(beside, 'agent')).toBe('/var/lib/infernet-agent')
    expect(serviceFolder({ ...beside, hasKey: false }, 'key')).toBe('/etc/infernet-agent')
  })

  it('is root’s own agent and key, where it has them, and what it names', () => {
    expect(serviceFolder({ ...beside, hasSocket: true }, 'agent')).toBeUndefined()
    expect(serviceFolder(beside, 'key')).toBeUndefined()
    for (const own of [OWN, { ...beside, ...named('/d') }, { ...OWN, services: ofUser('/d') }])
      for (const what of ['agent', 'key'] as const)
        expect(serviceFolder({ ...own, hasKey: false }, what)).toBeUndefined()
  })
})
