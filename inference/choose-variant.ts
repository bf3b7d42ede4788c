import { DriftlineError } from '../core/errors.ts'
import type { ModelDirectory } from '../models/model-directory.ts'
import { type Variant, variantFiles } from '../models/variants.ts'
import type { Provider } from './provider.ts'

export interface ChosenVariant {
  readonly variant: Variant
  /** Name in the model directory. */
  readonly file: string
  /** Its contents, verified. */
  readonly onnx: Uint8Array
}

/**
 * The file of a model that runs: `auto` is fp16 on CUDA where the model has it, else fp32. It is never int8, whose scores
 * depend on the texts beside (docs/models.md): that is for those who ask for it.
 *
 * @throws DriftlineError `MODEL_INVALID` when the model does not have the variant that was asked for
 */
export function chooseVariant(
  { files, path }: Pick<ModelDirectory, 'files' | 'path'>,
  setting: 'auto' | Variant,
  provider: Provider,
): ChosenVariant {
  const best = provider === 'cuda' && files.has(variantFiles.fp16) ? 'fp16' : 'fp32'
  const variant = setting === 'auto' ? best : setting
  const file = variantFiles[variant]
  const onnx = files.get(file)
  if (onnx === undefined) {
    throw new DriftlineError('MODEL_INVALID', { reason: `the model has no ${variant} variant`, file, model: path })
  }
  return { variant, file, onnx }
}
