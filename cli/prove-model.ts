import type { Config } from '../core/config.ts'
import type { Log } from '../core/log.ts'
import { type ProveOptions, proveModel } from '../inference/proof/prove-model.ts'
import type { ModelDirectory } from '../models/model-directory.ts'
import { proofsFolder } from '../models/proof/proofs.ts'
import { type ProofReport, proofLimits } from '../models/proof/report.ts'

type Choice = Partial<Pick<ProveOptions, 'device' | 'again'>>

/** Proves models, and keeps in the data folder what passed: one proof serves import, publication, promotion and the job. */
export const provingWith =
  ({ config, log, signal }: { readonly config: Config; readonly log: Log; readonly signal: AbortSignal }) =>
  (
    directory: Pick<ModelDirectory, 'path' | 'manifest'>,
    choice: Choice & { readonly signal?: AbortSignal } = {},
  ): Promise<ProofReport | undefined> =>
    proveModel(directory, {
      proofs: proofsFolder(config.data),
      limits: proofLimits(directory.manifest, config.proofSeconds),
      log,
      signal,
      ...choice,
    })
