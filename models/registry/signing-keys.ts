import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { DriftlineError, messageOf } from '../../core/errors.ts'

/** A key whose signatures count. */
export interface TrustedKey {
  /** First 16 hexadecimal digits of the sha256 of the key, for people and for finding its signatures. */
  readonly id: string
  readonly key: KeyObject
}

/** A new pair: the private key in PKCS #8 PEM, the public one in a line of text, `ed25519:` and base64. */
export function generateKeys(): { readonly privatePem: string; readonly publicLine: string; readonly id: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const raw = rawOf(publicKey)
  return {
    privatePem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicLine: `ed25519:${raw.toString('base64')}`,
    id: idOf(raw),
  }
}

/** @throws DriftlineError `USAGE` for a file that holds no ed25519 key */
export function readPrivateKey(path: string): TrustedKey {
  try {
    const key = createPrivateKey(readFileSync(path))
    if (key.asymmetricKeyType !== 'ed25519') throw new Error(`it is an ${key.asymmetricKeyType} key`)
    return { id: idOf(rawOf(createPublicKey(key))), key }
  } catch (error) {
    const reason = `${path} holds no ed25519 private key: ${messageOf(error)}`
    throw new DriftlineError('USAGE', { reason }, { cause: error })
  }
}

/**
 * @param setting public keys, or files that hold one each, separated by commas
 * @throws DriftlineError `CONFIG_INVALID`
 */
export function parseTrustedKeys(setting: string): readonly TrustedKey[] {
  const texts = setting.split(',').map((text) => text.trim())
  return texts.filter((text) => text !== '').map((text) => parsePublicKey(text))
}

function parsePublicKey(text: string): TrustedKey {
  try {
    const line = text.startsWith('ed25519:') ? text : readFileSync(text, 'utf8').trim()
    const [, base64 = ''] = /^ed25519:([A-Za-z0-9+/]{43}=)$/.exec(line) ?? []
    const raw = Buffer.from(base64, 'base64')
    if (raw.length !== 32) throw new Error('it is not `ed25519:` and 32 bytes in base64')
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') }, format: 'jwk' })
    return { id: idOf(raw), key }
  } catch (error) {
    throw new DriftlineError(
      'CONFIG_INVALID',
      { reason: `trustedKeys: ${text}: ${messageOf(error)}` },
      { cause: error },
    )
  }
}

/** The 32 bytes of a public key. */
const rawOf = (key: KeyObject): Buffer => Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url')

const idOf = (raw: Buffer): string => createHash('sha256').update(raw).digest('hex').slice(0, 16)
