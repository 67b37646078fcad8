import { describe, expect, it } from 'vitest'
import { gpuGroupsIn } from './gpu-access.ts'
import { installationOf, shownPaths } from './hidden-paths.ts'
import { planService, type ServiceHost, type ServiceWish } from './plan-service.ts'
import { serviceFiles } from './service-files.ts'

const HOST: ServiceHost = {
  folder: '/home/me',
  node: '/usr/bin/node',
  script: '/opt/infernet/provider-agent/src/cli/main.ts',
  systemd: 252,
  gpuGroups: ['render'],
  files: serviceFiles('system', {}, '/root'),
  exists: (path) => path === '/opt/infernet/package-lock.json',
}
const WISH: ServiceWish = {
  scope: 'system',
  given: [{ name: 'edge', flag: '--edge', value: 'https://e' }],
  ownEngine: false,
  gpu: false,
  graceSeconds: 30,
  environment: {},
  dataRoot: '/home/me/.local/share/infernet',
}
const model = (value: string) => ({ name: 'model', flag: '--model', value })
const given = (...options: ServiceWish['given']) => ({ ...WISH, given: options })
const textsOf = (wish: ServiceWish, host = HOST) =>
  planService(wish, host).settings.arguments.map((argument) =>
    'text' in argument ? argument.text : `${argument.flag} from ${argument.credential}`,
  )

describe('planService', () => {
  it('keeps the engine’s key out of the unit', () => {
    const plan = planService(
      given({ name: 'engineKey', flag: '--engine-key', value: 's3cret' }),
      HOST,
    )
    expect(plan.engineKey).toBe('s3cret')
    expect(JSON.stringify(plan.settings)).not.toContain('s3cret')
    expect(plan.settings.credentials.map(({ name }) => name)).toEqual(['agent-key', 'engine-key'])
    expect(plan.settings.environment).toMatchObject({
      INFERNET_CREDENTIALS: 'agent-key engine-key',
    })
  })

  it('hands over the owner’s node by credentials, which a user’s service does not need', () => {
    const wish = given(
      { name: 'lndCert', flag: '--lnd-cert', value: 'tls.cert' },
      { name: 'lndMacaroon', flag: '--lnd-macaroon', value: '/m' },
    )
    const { settings, reads } = planService(wish, HOST)
    expect(textsOf(wish)).toEqual(['--lnd-cert from lnd-cert', '--lnd-macaroon from lnd-macaroon'])
    expect(settings.credentials).toContainEqual({ name: 'lnd-cert', path: '/home/me/tls.cert' })
    expect(reads).not.toContain('/home/me/tls.cert')
    expect(textsOf({ ...wish, scope: 'user' })).toEqual([
      '--lnd-cert=/home/me/tls.cert',
      '--lnd-macaroon=/m',
      '--data=/home/me/.local/share/infernet',
    ])
  })

  it('lets no file of options change under the unit what the unit says', () => {
    for (const scope of ['system', 'user'] as const) {
      const { environment } = planService({ ...WISH, scope }, HOST).settings
      expect(environment).toMatchObject({ INFERNET_SETTINGS: 'none' })
    }
  })

  it('makes paths of models absolute and shows just them, and leaves a server’s names alone', () => {
    const wish = { ...given(model('a=b c.gguf'), model('/srv/d.gguf')), ownEngine: true }
    expect(textsOf(wish)).toEqual(['--model=a=/home/me/b c.gguf', '--model=/srv/d.gguf'])
    const { settings, reads } = planService(wish, HOST)
    expect(settings.shownPaths).toEqual(['/home/me/b c.gguf'])
    expect(reads).toContain('/srv/d.gguf')
    expect(textsOf(given(model('a=llama3:8b')))).toEqual(['--model=a=llama3:8b'])
  })

  it('shows the folder of a model in parts, and of a program with its libraries', () => {
    const parts = { ...given(model('m/q-00001-of-00003.gguf')), ownEngine: true }
    expect(planService(parts, HOST).settings.shownPaths).toEqual(['/home/me/m'])
    const program = given({
      name: 'engineProgram',
      flag: '--engine-program',
      value: 'venv/bin/vllm',
    })
    expect(textsOf(program)).toContain('--engine-program=/home/me/venv/bin/vllm')
    expect(planService(program, HOST).settings.shownPaths).toEqual(['/home/me/venv'])
  })

  it('tells files from the words that stand in their place', () => {
    const hash = 'a'.repeat(64)
    const wish = given(
      { name: 'specWeights', flag: '--spec-weights', value: hash },
      { name: 'specDefaults', flag: '--spec-defaults', value: 'vllm' },
      { name: 'specTemplate', flag: '--spec-template', value: 'chat.jinja' },
      { name: 'gpu', flag: '--no-gpu' },
    )
    expect(textsOf(wish)).toEqual([
      `--spec-weights=${hash}`,
      '--spec-defaults=vllm',
      '--spec-template=/home/me/chat.jinja',
      '--no-gpu',
    ])
  })

  it('shows Node and the whole installation where they are hidden', () => {
    const script = '/home/me/in/provider-agent/src/cli/main.ts'
    const exists = (path: string) => path === '/home/me/in/package-lock.json'
    const host = { ...HOST, script, exists, node: '/home/me/in/node_modules/n/bin/node' }
    expect(planService(WISH, host).settings.shownPaths).toEqual(['/home/me/in'])
    const elsewhere = { ...host, node: '/root/.nvm/node' }
    expect(planService(WISH, elsewhere).settings.shownPaths).toEqual([
      '/home/me/in',
      '/root/.nvm/node',
    ])
  })

  it('confines an engine by bwrap, and refuses what the service could not start', () => {
    const sandbox = (value: string) => ({ name: 'sandbox', flag: '--sandbox', value })
    const sandboxed = (...options: ServiceWish['given']) =>
      planService(given(...options), HOST).settings.sandboxed
    expect([sandboxed(sandbox('bwrap')), sandboxed(sandbox('auto'))]).toEqual([true, true])
    expect([sandboxed(sandbox('none')), sandboxed()]).toEqual([false, false])
    const runtime = { name: 'sandboxRuntime', flag: '--sandbox-runtime', value: 'runc' }
    for (const options of [[sandbox('podman')], [sandbox('docker')], [sandbox('auto'), runtime]]) {
      expect(() => sandboxed(...options)).toThrow('say --sandbox bwrap')
    }
  })

  it('refuses what cannot last', () => {
    const npx = { ...HOST, script: '/root/.npm/_npx/1a/node_modules/infernet-agent/main.js' }
    expect(() => planService(WISH, npx)).toThrow(
      expect.objectContaining({ next: 'npm install --global infernet-agent' }),
    )
    const data = given({ name: 'data', flag: '--data', value: '/d' })
    expect(() => planService(data, HOST)).toThrow('--key')
    expect(textsOf({ ...data, scope: 'user', dataRoot: '/d' })).toEqual(['--data=/d'])
  })
})

describe('paths and groups', () => {
  it('find the modules of an installed package', () => {
    const script = '/home/me/p/node_modules/infernet-agent/dist/main.js'
    expect(installationOf(script, () => true)).toBe('/home/me/p/node_modules')
  })

  it('show a path once, and none inside another', () => {
    const paths = ['/home/a/b', '/home/a', '/home/a', '/srv/x', '/home/ab']
    expect(shownPaths(paths)).toEqual(['/home/a', '/home/ab'])
  })

  it('name only groups that this machine has', () => {
    expect(gpuGroupsIn('root:x:0:\nvideo:x:44:me\nrenderer:x:9:\n')).toEqual(['video'])
  })
})
