import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DriftlineError } from '../../../../core/errors.ts'
import { manifestFile } from '../../../../models/model-directory.ts'
import type { Step } from '../context.ts'
import { jobFiles } from '../trainer/job.ts'
import { runTask, trainedFolder } from './trainer-job.ts'

/** Trains in a process of its own. The manifest is written last: where there is one, the training is done. */
export const training: Step = async (context) => {
  const { folder, signal } = context
  if (!existsSync(join(folder, jobFiles.posts))) {
    return { to: 'selecting', reason: 'the selected posts are on another machine, or gone' }
  }
  if (!existsSync(join(trainedFolder(folder), manifestFile))) {
    try {
      await runTask(context, 'train')
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof DriftlineError)) throw error
      return { to: 'failed', reason: `the training failed: ${error.message}` }
    }
  }
  return { to: 'gating', reason: 'a candidate is trained' }
}
