import type { Manifest } from '../../models/registry/manifest.ts'
import { argmax, softmaxRows } from '../../stats/softmax.ts'
import type { Example, InputForm } from '../data-batches.ts'
import { onnxLogits } from '../onnx-logits.ts'

/** Equal bins from 0 to 1; drift detection may join them, but cannot cut them. */
const confidenceBins = 50

/**
 * What a version's output looked like on labelled posts when it was made, for drift detection to compare with:
 * `confidence`, and `label` with one bin per class (edges 0, 1, 2, …).
 */
export async function referenceOf(
  onnx: Uint8Array,
  examples: readonly Example[],
  form: InputForm,
  labels: readonly string[],
): Promise<Manifest['reference']> {
  const classes = labels.length
  const probabilities = softmaxRows(await onnxLogits(onnx, examples, form, classes), classes)
  const confidence = Array.from({ length: confidenceBins }, () => 0)
  const label = labels.map(() => 0)
  for (let row = 0; row < examples.length; row++) {
    const predicted = argmax(probabilities, row, classes)
    const bin = Math.floor((probabilities[row * classes + predicted] ?? 0) * confidenceBins)
    const at = Math.min(confidenceBins - 1, bin)
    confidence[at] = (confidence[at] ?? 0) + 1
    label[predicted] = (label[predicted] ?? 0) + 1
  }
  return {
    confidence: {
      edges: Array.from({ length: confidenceBins + 1 }, (_, at) => at / confidenceBins),
      counts: confidence,
    },
    label: { edges: Array.from({ length: classes + 1 }, (_, at) => at), counts: label },
  }
}
