import type { Golden } from '../../models/proof/golden.ts'
import { shortProbes } from '../../models/proof/probes.ts'
import { softmaxRows } from '../../stats/softmax.ts'
import type { InputForm } from '../data-batches.ts'
import { encodeText, type TextForm } from '../data-encode.ts'
import { onnxLogits } from '../onnx-logits.ts'

/**
 * What model.onnx answers to the texts of a proof, by training's own way from text to numbers: a proof then compares another with
 * it, the one that scores.
 */
export async function goldenOf(
  onnx: Uint8Array,
  form: InputForm,
  textForm: TextForm,
  classes: number,
): Promise<Golden> {
  const rows = shortProbes.map((text) => ({ ids: encodeText(textForm, text) }))
  const probabilities = softmaxRows(await onnxLogits(onnx, rows, form, classes), classes)
  const answer = (row: number) => [...probabilities.subarray(row * classes, (row + 1) * classes)]
  return { schema: 1, cases: shortProbes.map((text, row) => ({ text, probabilities: answer(row) })) }
}
