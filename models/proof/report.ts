import { createHash } from 'node:crypto'
import { z } from 'zod'
import { packageVersion } from '../../core/package-version.ts'
import type { Manifest } from '../registry/manifest.ts'

/** What a proof does, in this order. */
export const proofSteps = ['files', 'graph', 'tokenizer', 'load', 'run', 'ids', 'repeat', 'golden', 'speed'] as const
export type ProofStep = (typeof proofSteps)[number]

const ms = z.number().nonnegative()

/** That a model works, and what it took: the outcome of a proof that passed. One that fails throws. */
export const ProofReport = z.strictObject({
  schema: z.literal(1),
  /** Of the contents, see `proofKey`. */
  key: z.string().regex(/^[0-9a-f]{64}$/),
  provedAt: z.iso.datetime(),
  provider: z.enum(['cpu', 'cuda', 'webgpu']),
  steps: z.array(
    z.strictObject({
      name: z.enum(proofSteps),
      ms,
      /** What was found, in a sentence. */
      found: z.string(),
    }),
  ),
  operators: z.array(z.string()),
  /** Of a short post, and of one that is as long as the manifest allows. */
  msPerPost: z.strictObject({ short: ms, longest: ms }),
  /** Of the process that tried it, from its start. */
  wallMs: ms,
  /** Highest resident memory of that process that was seen; `null` where the system does not say. */
  peakMb: z.number().nonnegative().nullable(),
})
export type ProofReport = z.infer<typeof ProofReport>

/**
 * What a proof is valid for: the contents of every file and how texts are prepared, whatever the version is called and wherever it
 * lies. So a model that was proved when it was published needs no proof when it is promoted and swapped in. Another release of
 * Driftline, which may ask for more or bring another onnxruntime, proves again.
 */
export function proofKey({ files, text }: Pick<Manifest, 'files' | 'text'>): string {
  const names = Object.keys(files).sort()
  const contents = names.map((name) => [name, files[name]?.sha256, files[name]?.bytes])
  const { platform, arch } = process
  const facts = [packageVersion, platform, arch, contents, text.normaliser, text.maxTokens]
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex')
}

export interface ProofLimits {
  /** From the start of the process to its end. */
  readonly wallMs: number
  /** Of all its threads; kept by the kernel, so it holds also when the one who started the proof is gone. */
  readonly cpuMs: number
  /** Resident memory at which it is ended. */
  readonly memoryMb: number
  /** A short post may take this long: the pool gives up on a thread that scores fewer than three posts a second. */
  readonly postMs: number
  /** The tokenizer may take this long for a post of the longest text there is. */
  readonly encodeMs: number
}

const mb = 2 ** 20

/** A machine that is busy with other things gives a proof so small a part of a core, and a model is not refused for that. */
const starved = 4

/**
 * What a model of some size may take. Reading, hashing and loading grow with it: onnxruntime holds the weights up to three times
 * while it loads (the file, its own copy, the copy that is packed for its matrix products).
 *
 * @param seconds of computing for a small model; each 100 MB add ten
 */
export function proofLimits({ files }: Pick<Manifest, 'files'>, seconds = 20): ProofLimits {
  const sizes = Object.values(files).map(({ bytes }) => bytes)
  const total = sizes.reduce((sum, bytes) => sum + bytes, 0)
  const cpuMs = 1000 * (seconds + total / (10 * mb))
  return {
    wallMs: starved * cpuMs,
    cpuMs,
    memoryMb: Math.ceil(768 + (2 * total + 4 * Math.max(0, ...sizes)) / mb),
    postMs: 350,
    encodeMs: 2000,
  }
}
