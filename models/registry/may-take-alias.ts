import { z } from 'zod'
import { DriftlineError, messageOf } from '../../core/errors.ts'
import { parseBoundedJson } from '../bounded-json.ts'
import { failedGates, GateReport, gateFiles } from '../gates/report.ts'
import type { ModelDirectory } from '../model-directory.ts'
import type { Manifest } from './manifest.ts'

/** Part of certificate.json that counts here; training writes and explains the rest. */
const Certificate = z.looseObject({ passed: z.boolean() })

const certificateFile = 'certificate.json'

/** What a version has to show for itself. */
export interface Standing {
  /** `missing`: nobody has compared it with what was trained. */
  readonly certificate: 'passed' | 'failed' | 'missing'
  /** `missing` for a version that was not retrained, such as one that was imported. */
  readonly gates: 'passed' | 'failed' | 'missing'
  readonly failedGates: readonly string[]
}

const bounds = { bytes: 8 * 2 ** 20, values: 500_000, depth: 32 }

/** @throws DriftlineError `MODEL_INVALID` for a certificate or a report that cannot be read */
export function standingOf({ files, path }: Pick<ModelDirectory, 'files' | 'path'>): Standing {
  const read = <Schema extends z.ZodType>(file: string, schema: Schema): z.infer<Schema> | undefined => {
    const content = files.get(file)
    if (content === undefined) return undefined
    try {
      return schema.parse(parseBoundedJson(content, bounds))
    } catch (error) {
      throw new DriftlineError('MODEL_INVALID', { reason: messageOf(error), file, model: path }, { cause: error })
    }
  }
  const certificate = read(certificateFile, Certificate)
  const report = read(gateFiles.report, GateReport)
  return {
    certificate: certificate === undefined ? 'missing' : certificate.passed ? 'passed' : 'failed',
    gates: report === undefined ? 'missing' : report.passed ? 'passed' : 'failed',
    failedGates: report === undefined ? [] : failedGates(report),
  }
}

/**
 * The rule of every registry: a version takes an alias when its certificate passed and, where it has gates, these did; any other
 * only by force, which needs a reason.
 *
 * @returns whether it took force
 * @throws DriftlineError `CERTIFICATE_MISSING`, `GATES_FAILED`, `MODEL_INVALID`
 */
export function mayTakeAlias(
  directory: Pick<ModelDirectory, 'files' | 'path'> & { readonly manifest: Pick<Manifest, 'name' | 'version'> },
  { force, reason }: { readonly force: boolean; readonly reason: string },
): boolean {
  const { certificate, gates, failedGates: failed } = standingOf(directory)
  if (certificate === 'passed' && gates !== 'failed') return false
  if (force && reason !== '') return true
  const { name, version } = directory.manifest
  if (certificate !== 'passed') throw new DriftlineError('CERTIFICATE_MISSING', { model: name, version })
  throw new DriftlineError('GATES_FAILED', { model: name, version, gates: failed })
}
