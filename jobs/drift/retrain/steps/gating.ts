import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DriftlineError } from '../../../../core/errors.ts'
import { failedGates, GateReport, gateFiles } from '../../../../models/gates/report.ts'
import { manifestFile } from '../../../../models/model-directory.ts'
import type { Step } from '../context.ts'
import { judgedFolder, runTask, trainedFolder } from './trainer-job.ts'

/**
 * Judges the candidate in a process of its own and publishes it with its report, whether it passed or not. The manifest is
 * written last, and what the registry has already keeps its number: done again, it is the same version.
 */
export const gating: Step = async (context) => {
  const { registry, folder, signal } = context
  if (!existsSync(join(trainedFolder(folder), manifestFile))) {
    return { to: 'training', reason: 'the trained candidate is on another machine, or gone' }
  }
  const judged = judgedFolder(folder)
  if (!existsSync(join(judged, manifestFile))) {
    try {
      await runTask(context, 'judge')
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof DriftlineError)) throw error
      return { to: 'failed', reason: `the candidate could not be judged: ${error.message}` }
    }
  }
  const report = GateReport.parse(JSON.parse(await readFile(join(judged, gateFiles.report), 'utf8')))
  const { version } = await registry.publish(judged)
  const failed = failedGates(report)
  const patch = { candidate: version, gatesFailed: [...failed] }
  const reason =
    failed.length === 0
      ? `version ${version} passed all gates`
      : `version ${version} did not pass: ${report.gates.flatMap(({ name, passed, reason: why }) => (passed ? [] : [`${name} (${why})`])).join('; ')}`
  return { to: 'published', reason, patch }
}
