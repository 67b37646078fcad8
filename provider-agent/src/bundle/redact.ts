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

/** The name of an option that takes a secret, before its value. */
const SECRET_OPTION = new RegExp(`^--?[\\w-]*${NAMES}$`, 'i')

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
      `(${NAMES}["']?[ \\t]*[:=][ \\t]*(?:(?!\\[redacted)\\[[ \\t]*)?["']?)(?!(?:Bearer|Basic|L402|LSAT) )[^\\s"',;&}]+`,
      'gi',
    ),
    `$1${MASK}`,
  ],
  // The same as two words of a command line, or of a list of them.
  [
    new RegExp(
      `((?<![\\w-])--?[\\w-]{0,40}${NAMES}(?:["']?[ \\t]*,[ \\t]*["']?|[ \\t]+["']?))[^\\s"',;]+`,
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
  // Who is paid; where is of use.
  [/[\w.+-]{1,64}@((?:[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?\.)+[a-z]{2,63}\b)/gi, `${MASK}@$1`],
  // Homes of others than the one that asks, and disks that are named after their owner.
  [/([/\\](?:home|Users|media)[/\\]{1,2})[^/\\\s"'`:;,()<>]+/g, `$1${MASK}`],
  // Who knows what a driver calls a card can say that it is theirs.
  [/\b(GPU|MIG)-[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}\b/gi, `$1-${MASK}`],
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
  const own = home.length > 1 ? new RegExp(`${escaped(home)}(?![\\w.@+-])`, 'g') : undefined
  const text = (raw: string): string => {
    let shown = raw
    for (const secret of secrets) shown = shown.replaceAll(secret, MASK)
    if (own !== undefined) shown = shown.replaceAll(own, '~')
    for (const [pattern, replacement] of RULES) {
      shown = shown.replaceAll(pattern, replacement as string)
    }
    return shown
  }
  const value = (raw: unknown): unknown => {
    if (typeof raw === 'string') return text(raw)
    if (Array.isArray(raw)) return raw.map((item, at) => element(item, wordBefore(raw, at)))
    if (typeof raw !== 'object' || raw === null) return raw
    return Object.fromEntries(Object.entries(raw).map(field))
  }
  /** Also what follows an option of a command line that names a secret. */
  const element = (item: unknown, before: unknown): unknown =>
    typeof item === 'string' && typeof before === 'string' && SECRET_OPTION.test(before)
      ? MASK
      : value(item)
  const field = ([name, raw]: [string, unknown]): [string, unknown] => [
    text(name),
    typeof raw === 'string' && SECRET_NAME.test(name) ? MASK : value(raw),
  ]
  return { text, value }
}

/** What hands a word on to an engine: the one before that is the word it belongs to. */
const HANDED_ON = '--engine-arg'

/** The word that `list[at]` may be the value of. */
function wordBefore(list: readonly unknown[], at: number): unknown {
  if (list[at] === HANDED_ON) return undefined
  const before: unknown = list[at - 1]
  return before === HANDED_ON ? list[at - 2] : before
}

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
