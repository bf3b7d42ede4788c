import { createPublicKey, sign, verify } from 'node:crypto'
import { z } from 'zod'
import type { Clock } from '../../core/clock.ts'
import { DriftlineError } from '../../core/errors.ts'
import { type Documents, readDocument } from './documents.ts'
import type { Manifest } from './manifest.ts'
import type { Registry } from './registry.ts'
import type { TrustedKey } from './signing-keys.ts'

const Signature = z.strictObject({
  /** Which key made it: `TrustedKey.id`. */
  key: z.string().regex(/^[0-9a-f]{16}$/),
  /** Of `signedBytes` of the manifest, in base64. */
  signature: z.base64(),
  at: z.iso.datetime(),
  by: z.string().min(1),
})
export type Signature = z.infer<typeof Signature>

/**
 * Document `signatures-<version>` of a model. A version is written once and its manifest names every file in it, so its
 * signatures cannot be among them: they stand beside it, several if need be, and may come later. Whoever can write to the
 * registry can take one away, which makes the version refused; only the key can make one.
 */
const Signatures = z.strictObject({ schema: z.literal(1), signatures: z.array(Signature).readonly() })

const documentOf = (version: number): string => `signatures-${version}`

/** Says what is signed, so that a signature means nothing elsewhere. */
const purpose = 'driftline model manifest 1\n'

/**
 * What a signature covers: the manifest with its number, and so the sha256 of every file. Written with sorted keys and no
 * space, because stores and versions of the program may format the same manifest differently.
 */
export const signedBytes = (manifest: Manifest): Buffer => Buffer.from(`${purpose}${canonical(manifest)}`)

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const fields = Object.entries(value).filter(([, field]) => field !== undefined)
  fields.sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join(',')}}`
}

/** @throws DriftlineError `REGISTRY_INVALID` for a document that is none of ours */
export async function signaturesOf(
  documents: Documents,
  name: string,
  version: number,
): Promise<{ readonly revision: number; readonly signatures: readonly Signature[] }> {
  const stored = await readDocument(documents, name, documentOf(version), Signatures)
  return { revision: stored?.revision ?? 0, signatures: stored?.value.signatures ?? [] }
}

/**
 * Verifies every file of a version, then signs its manifest. A key signs a version once: a second time changes nothing, unless its
 * signature had been tampered with.
 *
 * @param registry one that requires no signature
 * @throws DriftlineError `VERSION_UNKNOWN`, `MODEL_INVALID`, `DOCUMENT_MOVED` when somebody else signs at the same time
 */
export async function signVersion(
  registry: Registry,
  name: string,
  version: number,
  { key, by, clock }: { readonly key: TrustedKey; readonly by: string; readonly clock: Clock },
): Promise<Signature> {
  const { manifest } = await registry.open(name, version)
  const { revision, signatures } = await signaturesOf(registry.documents, name, version)
  const bytes = signedBytes(manifest)
  const own = signatures.find((signature) => signature.key === key.id)
  if (own !== undefined && verify(null, bytes, createPublicKey(key.key), bytesOf(own))) return own
  const signature: Signature = {
    key: key.id,
    signature: sign(null, bytes, key.key).toString('base64'),
    at: new Date(clock.now()).toISOString(),
    by,
  }
  const value = Signatures.parse({ schema: 1, signatures: [...signatures.filter((one) => one !== own), signature] })
  await registry.documents.write(name, documentOf(version), value, revision)
  return signature
}

/**
 * Makes sure that one of the trusted keys signed this very manifest.
 *
 * @returns the signature that counts
 * @throws DriftlineError `SIGNATURE_MISSING`
 */
export async function requireSignature(
  documents: Documents,
  manifest: Manifest,
  trusted: readonly TrustedKey[],
): Promise<Signature> {
  const { name, version } = manifest
  const { signatures } = await signaturesOf(documents, name, version)
  const bytes = signedBytes(manifest)
  for (const signature of signatures) {
    const key = trusted.find(({ id }) => id === signature.key)
    if (key !== undefined && verify(null, bytes, key.key, bytesOf(signature))) return signature
  }
  const known = signatures.some(({ key }) => trusted.some(({ id }) => id === key))
  const reason = known
    ? 'a signature by a trusted key does not fit its manifest'
    : signatures.length > 0
      ? 'it is signed, but by no trusted key'
      : 'it is not signed'
  throw new DriftlineError('SIGNATURE_MISSING', {
    reason,
    model: name,
    version,
    signedBy: signatures.map(({ key }) => key),
  })
}

const bytesOf = ({ signature }: Signature): Buffer => Buffer.from(signature, 'base64')
