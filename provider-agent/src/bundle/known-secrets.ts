import { createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { SECRET_NAME } from './redact.ts'

const SECRET_VARIABLE = /KEY|TOKEN|SECRET|PASS|MACAROON|CREDENTIAL|AUTH(?!OR)/i

export interface SecretSources {
  /** Texts that are secrets, such as an engine's API key; what was not given is left out. */
  readonly texts: readonly (string | undefined)[]
  /** Files that are secrets, of which some may not be there. */
  readonly files: readonly (string | undefined)[]
  /** Addresses that may name who asks. */
  readonly urls: readonly (string | undefined)[]
  readonly env: NodeJS.ProcessEnv
}

/** All secrets that this process can know, in each form in which they may have been written somewhere. */
export function knownSecrets({ texts, files, urls, env }: SecretSources): string[] {
  const variables = Object.entries(env).flatMap(([name, value]) =>
    SECRET_VARIABLE.test(name) ? [value] : [],
  )
  const read = files.flatMap((path) => (path === undefined ? [] : formsOf(path)))
  const asking = [...urls, ...Object.values(env)].flatMap((text) => secretsOfUrl(text ?? ''))
  return [...texts, ...variables, ...read, ...asking].flatMap((text) => text ?? [])
}

/** A URL's password, or its user where that is all; and what in its query is named like a secret. Raw and decoded. */
function secretsOfUrl(text: string): string[] {
  if (!URL.canParse(text)) return []
  const { username, password, searchParams } = new URL(text)
  const named = [...searchParams].flatMap(([name, value]) =>
    SECRET_VARIABLE.test(name) ? [value] : [],
  )
  const user = password || username
  return [user, decoded(user), ...named]
}

/** As it was before it became a part of a URL. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

/** What a program's arguments say after a name that says that it is secret: `--api-key X`, `--api-key=X`. */
export function secretArguments(args: readonly string[]): string[] {
  return args.flatMap((arg, at) => {
    const [name = '', ...rest] = arg.split('=')
    if (!name.startsWith('-') || !SECRET_NAME.test(name)) return []
    return rest.length > 0 ? [rest.join('=')] : (args[at + 1] ?? [])
  })
}

function formsOf(path: string): string[] {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch {
    return []
  }
  const text = bytes.toString('utf8').trim()
  const lines = text.split(/\r?\n/).filter((line) => !line.startsWith('-----'))
  return [text, ...lines, ...encoded(bytes), ...seedOf(text)]
}

const encoded = (bytes: Buffer): string[] => [
  bytes.toString('hex'),
  bytes.toString('base64'),
  bytes.toString('base64url'),
]

/** The bytes that make a private key what it is, if it is one. */
function seedOf(pem: string): string[] {
  try {
    const { d } = createPrivateKey(pem).export({ format: 'jwk' })
    return d === undefined ? [] : encoded(Buffer.from(d, 'base64url'))
  } catch {
    return []
  }
}
