import { DriftlineError } from '../core/errors.ts'
import type { ProofReport } from '../models/proof/report.ts'
import type { Registry } from '../models/registry/registry.ts'
import { type Context, runs, verb } from './command.ts'
import { provingWith } from './prove-model.ts'
import { openRegistry, type VersionRef, versionRef } from './registry.ts'

interface Verdict {
  readonly subject: string
  readonly ok: boolean
  readonly reason?: string
  /** Of a version that passed. */
  readonly proof?: ProofReport
}

/** `models verify`. */
export const verifyModelsCommand = () =>
  verb(
    'verify',
    'compare every file of versions with its sha256, try each version anew, and compare aliases with versions',
  )
    .argument('[versions...]', 'such as sentiment@2, or 2 (default: all of the registry)')
    .option('--require-signature', 'also that a trusted key signed each version (DRIFTLINE_TRUSTED_KEYS)', false)
    .option('--trusted-keys <keys>', 'public keys, or their files, separated by commas (DRIFTLINE_TRUSTED_KEYS)')
    .action(
      runs<{ requireSignature: boolean }>(async (context, { requireSignature }, args) => {
        const { config, json, signal } = context
        if (requireSignature && (config.trustedKeys ?? '') === '') {
          throw new DriftlineError('USAGE', { reason: 'whose signature? Name keys with --trusted-keys' })
        }
        const verdicts = await verify(await openRegistry(config, signal), context, args)
        process.stdout.write(json ? `${JSON.stringify(verdicts, null, 2)}\n` : verdicts.map(line).join(''))
        return verdicts.every(({ ok }) => ok) ? 0 : 1
      }),
    )

async function verify(registry: Registry, context: Context, args: readonly string[]): Promise<Verdict[]> {
  const { config, signal } = context
  const prove = provingWith(context)
  const verdicts: Verdict[] = []
  const check = async (subject: string, act: () => Promise<ProofReport | undefined>) => {
    try {
      const proof = await act()
      verdicts.push({ subject, ok: true, ...(proof === undefined ? {} : { proof }) })
    } catch (error) {
      if (!(error instanceof DriftlineError)) throw error
      verdicts.push({ subject, ok: false, reason: error.message })
    }
  }
  const named = args.map((arg) => versionRef(arg, config))
  for (const { name, version } of named.length > 0 ? named : await all(registry)) {
    signal.throwIfAborted()
    await check(`${name}@${version}`, async () => prove(await registry.open(name, version), { again: true }))
  }
  if (named.length > 0) return verdicts
  for (const name of await registry.names()) {
    await check(`${name} aliases and audit`, async () => {
      const [{ at }, versions] = [await registry.aliases(name), await registry.versions(name)]
      await registry.audit(name)
      for (const [alias, version] of Object.entries(at)) {
        if (!versions.includes(version)) throw new DriftlineError('VERSION_UNKNOWN', { model: name, alias, version })
      }
      return undefined
    })
  }
  return verdicts
}

async function all(registry: Registry): Promise<VersionRef[]> {
  const names = await registry.names()
  const versions = await Promise.all(names.map((name) => registry.versions(name)))
  return names.flatMap((name, index) => (versions[index] ?? []).map((version) => ({ name, version })))
}

function line({ subject, ok, reason, proof }: Verdict): string {
  if (!ok) return `NOT ok  ${subject}: ${reason}\n`
  if (proof === undefined) return `ok      ${subject}\n`
  const { msPerPost, wallMs, peakMb } = proof
  const memory = peakMb === null ? '' : `, ${peakMb} MB`
  return `ok      ${subject}: ${msPerPost.short.toFixed(2)} ms a short post, tried in ${wallMs} ms${memory}\n`
}
