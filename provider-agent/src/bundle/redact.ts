/** What stands where a secret was. */
export const MASK = '[redacted]'

/** Takes secrets out of what is shown to others. Twice is as good as once. */
export interface Redactor {
  text(text: string): string
  /** Of anything that can become JSON: all its strings, and whole those whose name says that they are secret. */
  value(value: unknown): unknown
}

export interface RedactorOptions {
  /** Secrets that this process knows, found wherever they stand. */
  readonly known: readonly string[]
  /** The owner's home, of which others need not know whose it is. */
  readonly home?: string
}

/** Shorter ones would be found in every second word. */
export const MIN_KNOWN_CHARS = 6

/** Names of settings and fields whose text is secret. */
const NAMES =
  '(?:key|token|secret|password|passwd|macaroon|authorization|preimage|credential|cookie)s?'
/** What ends the name of something secret: `engineKey`, `api-key`. */
export const SECRET_NAME = new RegExp(`${NAMES}$`, 'i')

type Rule = readonly [pattern: RegExp, replacement: string | ((...found: string[]) => string)]

const RULES: readonly Rule[] = [
  // Key material, also where its end was cut off.
  [
    /-----BEGIN [A-Z0-9 ]{0,30}(?:KEY|CERTIFICATE)[A-Z0-9 ]{0,30}-----[^]*?(?:-----END [^-]*-----|$)/g,
    MASK,
  ],
  [
    /\b([a-z][a-z0-9+.-]{0,20}:\/\/)([^\s"'<>`\\]+)/gi,
    (_, scheme = '', rest = '') => scheme + bareUrl(rest),
  ],
  [/\b(Bearer|Basic|L402|LSAT)[ \t]+[^\s"',;]+/gi, `$1 ${MASK}`],
  [
    new RegExp(
      `(${NAMES}["']?[ \\t]*[:=][ \\t]*["']?)(?!(?:Bearer|Basic|L402|LSAT) )[^\\s"',;&}]+`,
      'gi',
    ),
    `$1${MASK}`,
  ],
  [/\b(?:sk-|hf_|l402_|ghp_)[A-Za-z0-9_=+/.-]{8,}/g, MASK],
  [/\bln(?:bcrt|bc|tbs|tb|sb)[0-9]*[munp]?1[02-9ac-hj-np-z]{20,}/gi, MASK],
  // Preimages, macaroons and keys look like hashes: so hashes go, too.
  [/\b[0-9a-f]{64,}\b/gi, MASK],
  // Macaroons in base64 begin with their version and "lnd".
  [/\bAgEDbG5k[A-Za-z0-9+/_=-]*/g, MASK],
  // What nobody has written by hand, except the names of peers, which are public.
  [
    /(?<![A-Za-z0-9])(?!12D3KooW[1-9A-HJ-NP-Za-km-z]{44}\b)(?=[A-Za-z]*\d)(?=[\da-z]*[A-Z])(?=[\dA-Z]*[a-z])[A-Za-z0-9]{24,}/g,
    MASK,
  ],
]

/** Without who asks and what for; what follows the host is kept up to there. */
function bareUrl(rest: string): string {
  const [, authority = '', path = '', tail = ''] = /^([^/?#]*)([^?#]*)(.*)$/s.exec(rest) ?? []
  const at = authority.lastIndexOf('@')
  const host = at === -1 ? authority : `${MASK}@${authority.slice(at + 1)}`
  return `${host}${path}${tail === '' ? '' : `${tail.charAt(0)}${MASK}`}`
}

/** A pure function of what it is given: it knows no more secrets than it is told, and the patterns of others. */
export function redactor({ known, home = '' }: RedactorOptions): Redactor {
  const secrets = [
    ...new Set(known.flatMap((secret) => [secret, encodeURIComponent(secret.toWellFormed())])),
  ]
    .filter((secret) => secret.length >= MIN_KNOWN_CHARS && !MASK.includes(secret))
    .toSorted((a, b) => b.length - a.length)
  const text = (raw: string): string => {
    let shown = raw
    for (const secret of secrets) shown = shown.replaceAll(secret, MASK)
    for (const [pattern, replacement] of RULES) {
      shown = shown.replaceAll(pattern, replacement as string)
    }
    return home.length > 1 ? shown.replaceAll(home, '~') : shown
  }
  const value = (raw: unknown): unknown => {
    if (typeof raw === 'string') return text(raw)
    if (Array.isArray(raw)) return raw.map(value)
    if (typeof raw !== 'object' || raw === null) return raw
    return Object.fromEntries(Object.entries(raw).map(field))
  }
  const field = ([name, raw]: [string, unknown]): [string, unknown] => [
    text(name),
    typeof raw === 'string' && SECRET_NAME.test(name) ? MASK : value(raw),
  ]
  return { text, value }
}
