import { type Clock, systemClock } from '../../core/clock.ts'
import { catalogue, DriftlineError, type ErrorCode } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { builtModule } from '../../core/package-root.ts'
import { bundledModelPath, type ModelDirectory, manifestFile, readManifest } from '../../models/model-directory.ts'
import type { Golden } from '../../models/proof/golden.ts'
import { Proofs } from '../../models/proof/proofs.ts'
import { type ProofLimits, ProofReport, type ProofStep, proofKey, proofLimits } from '../../models/proof/report.ts'
import type { Device } from '../provider.ts'
import { type Ended, runContained } from './contained.ts'
import { FromProof, type ProofFindings, type ProofOrder } from './protocol.ts'

export interface ProveOptions {
  /** Where it is tried. Default `cpu`: what a graph does there, it does on a GPU, and the job's own first run shows the rest. */
  readonly device?: Device
  /** What differs from `proofLimits`. */
  readonly limits?: Partial<ProofLimits>
  /** Folder of the proofs that passed; without one, every proof is made anew. */
  readonly proofs?: string
  /** Try it also when it has been proved. */
  readonly again?: boolean
  readonly log: Log
  readonly signal: AbortSignal
  readonly clock?: Clock
}

/**
 * Proves that a model can be trusted with a job: in a process of its own, which is killed when it hangs, asks for too much
 * memory or has said its last, its files, graphs and tokenizer are looked through, and it scores made-up texts. What passed is not tried
 * again, as long as its files stay what they are.
 *
 * @returns the report; for the model that comes with the program, which is trusted like the program itself, `undefined`
 * @throws DriftlineError `MODEL_INVALID`, `MODEL_UNSAFE`, `MODEL_TOO_COSTLY`, `MODEL_CRASHED`, each with the step;
 *   `PROVIDER_UNAVAILABLE`; the signal's reason when it is aborted
 */
export async function proveModel(
  directory: Pick<ModelDirectory, 'path' | 'manifest'>,
  options: ProveOptions,
): Promise<ProofReport | undefined> {
  const { device = 'cpu', proofs, again = false, log } = options
  const key = proofKey(directory.manifest)
  const kept = proofs === undefined ? undefined : new Proofs(proofs, log)
  if (!again) {
    if (key === (await bundledKey())) return undefined
    const before = device === 'auto' ? undefined : await kept?.find(key, device)
    if (before !== undefined) return before
  }
  const { report } = await tryContained(directory, options, false)
  await kept?.keep(report)
  return report
}

/**
 * As `proveModel`, always anew, and asks for the answers that a later proof will compare with.
 *
 * @throws as `proveModel`
 */
export async function proveWithAnswers(
  directory: Pick<ModelDirectory, 'path' | 'manifest'>,
  options: ProveOptions,
): Promise<Golden> {
  const { golden } = await tryContained(directory, options, true)
  if (golden === undefined) throw new Error('the answers were asked for')
  return golden
}

async function bundledKey(): Promise<string | undefined> {
  try {
    return proofKey(await readManifest(bundledModelPath))
  } catch (error) {
    if (error instanceof DriftlineError) return undefined // a copy of the program that comes without
    throw error
  }
}

/** What a GPU's driver and libraries map and hold beside the model. */
const driverMb = 4096

async function tryContained(
  { path, manifest }: Pick<ModelDirectory, 'path' | 'manifest'>,
  { device = 'cpu', limits, log, signal, clock = systemClock }: ProveOptions,
  golden: boolean,
): Promise<{ report: ProofReport; golden: Golden | undefined }> {
  const {
    wallMs,
    cpuMs,
    postMs,
    encodeMs,
    memoryMb: ofModel,
  } = {
    ...proofLimits(manifest),
    ...limits,
  }
  const memoryMb = ofModel + (device === 'cuda' || device === 'webgpu' ? driverMb : 0)
  const order: ProofOrder = { path, device, postMs, encodeMs, golden }
  const startedMs = clock.now()
  let step: ProofStep | 'start' = 'start'
  let findings: ProofFindings | undefined
  let failure: unknown
  const onMessage = (message: unknown): boolean => {
    const parsed = FromProof.safeParse(message)
    if (!parsed.success) {
      failure = new DriftlineError('MODEL_UNSAFE', {
        reason: 'the process that tried it says what it never would',
        step,
      })
      return true
    }
    const { data } = parsed
    if (data.kind === 'step') step = data.step
    else if (data.kind === 'passed') findings = data.findings
    else failure = restore(data, step)
    return data.kind !== 'step'
  }
  const program = builtModule(import.meta.url, './child')
  const args = [JSON.stringify(order)]
  const ended = await runContained({ program, args, wallMs, cpuMs, memoryMb, signal, clock, onMessage })
  if (failure !== undefined) throw failure
  if (findings === undefined) throw ofEnding(ended, step, { wallMs, cpuMs, memoryMb }, path)
  if (findings.key !== proofKey(manifest)) {
    throw new DriftlineError('MODEL_INVALID', {
      reason: 'it changed while it was tried',
      file: manifestFile,
      model: path,
    })
  }
  const { golden: answers, ...found } = findings
  const report = ProofReport.parse({
    ...found,
    provedAt: new Date(clock.now()).toISOString(),
    wallMs: clock.now() - startedMs,
    peakMb: ended.peakMb === null ? null : Math.round(ended.peakMb),
  })
  const { name, version } = manifest
  log.debug({ model: name, version, wallMs: report.wallMs, peakMb: report.peakMb }, 'model is proved')
  return { report, golden: answers }
}

const isCode = (code: string): code is ErrorCode => Object.hasOwn(catalogue, code)

function restore({ code, details }: Extract<FromProof, { kind: 'failed' }>, step: string): Error {
  if (code !== undefined && isCode(code)) return new DriftlineError(code, { ...details, step })
  return new DriftlineError('MODEL_INVALID', { ...details, step })
}

/** What it means that the process ended, or had to be ended, without a word. */
function ofEnding(
  { ending, peakMb }: Ended,
  step: string,
  { wallMs, cpuMs, memoryMb }: Pick<ProofLimits, 'wallMs' | 'cpuMs' | 'memoryMb'>,
  model: string,
): DriftlineError {
  const seen = peakMb === null ? {} : { peakMb: Math.round(peakMb) }
  const tooCostly = (reason: string) => new DriftlineError('MODEL_TOO_COSTLY', { reason, step, ...seen, model })
  if (ending.kind === 'wall') return tooCostly(`it was not done after ${seconds(wallMs)} s`)
  if (ending.kind === 'cpu') return tooCostly(`it was not done after ${seconds(cpuMs)} s of computing`)
  if (ending.kind === 'memory') return tooCostly(`it took more than ${memoryMb} MB of memory`)
  const how = ending.kind === 'exit' ? (ending.signal ?? `code ${ending.code}`) : ending.kind
  const reason = `the process that tried it ended with ${how}`
  return new DriftlineError('MODEL_CRASHED', { reason, step, ...seen, memoryLimitMb: memoryMb, model })
}

const seconds = (ms: number): string => (ms / 1000).toFixed(0)
