import { z } from 'zod'
import { verifyPeerSignature } from './login.ts'
import type { PeerId } from './peer-id.ts'
import { fromBase64Url, toBase64Url } from './receipt.ts'
import { encodeUtf8 } from './utf8.ts'
import { base64url } from './wire.ts'

/**
 * A provider's word against a slash. It is signed with the key that is the provider's name: a slashed
 * provider cannot log in any more, and nobody else may speak for it.
 */
const DOMAIN = 'infernet/appeal/1'
const MAX_REASON_CHARS = 2_000

export const appealSchema = z.object({
  /** For the operator to read: text that Postgres can hold. */
  reason: z
    .string()
    .min(1)
    .max(MAX_REASON_CHARS)
    .regex(/^(?:[\n\t]|[^\p{Cc}\p{Cs}])*$/u, 'control characters are not allowed'),
  /** ms since the epoch, the provider's clock. */
  at: z.int().nonnegative(),
  signature: base64url(64),
})
export type Appeal = z.infer<typeof appealSchema>

/** The reason comes last and has no NUL, so that nothing else can be read into it. */
const appealToSign = (
  provider: PeerId,
  slash: string,
  { reason, at }: Omit<Appeal, 'signature'>,
): Uint8Array<ArrayBuffer> => encodeUtf8([DOMAIN, slash, provider, at, reason].join('\0'))

/** An appeal against a slash, by its id; `at` in ms since the epoch. Throws ZodError for a reason that is none. */
export function signAppeal(
  signer: { readonly peer: PeerId; readonly sign: (message: Uint8Array) => Uint8Array },
  slash: string,
  said: Omit<Appeal, 'signature'>,
): Appeal {
  const signature = toBase64Url(signer.sign(appealToSign(signer.peer, slash, said)))
  return appealSchema.parse({ ...said, signature })
}

/** Whether `provider` has signed this appeal against this slash. */
export async function verifyAppeal(
  provider: PeerId,
  slash: string,
  appeal: Appeal,
): Promise<boolean> {
  const signature = fromBase64Url(appeal.signature)
  return verifyPeerSignature(provider, signature, appealToSign(provider, slash, appeal))
}
