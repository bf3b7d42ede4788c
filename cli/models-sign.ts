import { writeFile } from 'node:fs/promises'
import { systemClock } from '../core/clock.ts'
import { DriftlineError, messageOf } from '../core/errors.ts'
import { openRegistryAt } from '../models/registry/open-registry.ts'
import { signVersion } from '../models/registry/signatures.ts'
import { generateKeys, readPrivateKey } from '../models/registry/signing-keys.ts'
import { runs, verb } from './command.ts'
import { versionRef, whoami } from './registry.ts'

/** `models keygen`. */
export const keygenCommand = () =>
  verb('keygen', 'make a pair of ed25519 keys to sign versions with')
    .requiredOption('--out <file>', 'file of the private key; the public one gets `.pub` after it')
    .addHelpText(
      'after',
      '\nExample:\n  $ driftline models keygen --out release.key\n  $ driftline models sign sentiment@2 --key release.key\n  $ DRIFTLINE_TRUSTED_KEYS=release.key.pub driftline score',
    )
    .action(
      runs<{ out: string }>(async ({ json }, { out }) => {
        const { privatePem, publicLine, id } = generateKeys()
        await writeNew(out, privatePem, 0o600)
        await writeNew(`${out}.pub`, `${publicLine}\n`, 0o644)
        process.stdout.write(
          json
            ? `${JSON.stringify({ id, private: out, public: `${out}.pub`, key: publicLine })}\n`
            : `${out}: the private key ${id}; keep it where no job can read it\n${out}.pub: ${publicLine}\n`,
        )
        return 0
      }),
    )

/** `models sign`. */
export const signCommand = () =>
  verb('sign', 'verify every file of a version and sign its manifest')
    .argument('<version>', 'sentiment@2, or 2 of the model that is set')
    .requiredOption('--key <file>', 'private key, as `models keygen` makes it')
    .action(
      runs<{ key: string }>(async ({ config, json, signal }, { key: file }, [text = '']) => {
        const { name, version } = versionRef(text, config)
        const key = readPrivateKey(file)
        // What is to be signed cannot be required to be signed.
        const registry = await openRegistryAt({ ...config, trustedKeys: undefined }, { signal })
        const signature = await signVersion(registry, name, version, { key, by: whoami(), clock: systemClock })
        process.stdout.write(
          json
            ? `${JSON.stringify({ model: name, version, ...signature })}\n`
            : `${name}@${version} is signed by key ${signature.key} (${signature.by}, ${signature.at})\n`,
        )
        return 0
      }),
    )

async function writeNew(path: string, content: string, mode: number): Promise<void> {
  try {
    await writeFile(path, content, { flag: 'wx', mode })
  } catch (error) {
    throw new DriftlineError('USAGE', { reason: `cannot write ${path}: ${messageOf(error)}` }, { cause: error })
  }
}
