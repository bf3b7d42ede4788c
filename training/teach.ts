import { DriftlineError } from '../core/errors.ts'
import type { Example } from './data-batches.ts'
import { encodeText, type TextForm } from './data-encode.ts'
import { onnxLogits } from './onnx-logits.ts'
import { fromBase } from './starting-point.ts'

/**
 * What older versions, or larger models, think of texts: the mean of their logits, [texts · classes]. To learn from it
 * keeps a version from forgetting (Hinton et al. 2015, arXiv:1503.02531).
 *
 * @param teachers `bundled` or model directories, at least one; each reads the texts in its own way
 * @param labels classes of the learner, in order
 * @throws DriftlineError `MODEL_INVALID` when a teacher has other classes
 */
async function teacherLogits(
  teachers: readonly string[],
  texts: readonly string[],
  labels: readonly string[],
): Promise<Float32Array> {
  const sum = new Float32Array(texts.length * labels.length)
  for (const name of teachers) {
    const teacher = await fromBase(name)
    if (teacher.base === undefined || teacher.labels.join() !== labels.join()) {
      const details = { reason: 'a teacher needs the same classes in the same order', teacher: name }
      throw new DriftlineError('MODEL_INVALID', { ...details, classes: teacher.labels, wanted: labels })
    }
    const examples = texts.map((text) => ({ ids: encodeText(teacher.textForm, text) }))
    const logits = await onnxLogits(teacher.base.onnx, examples, teacher.form, labels.length)
    for (const [index, logit] of logits.entries()) sum[index] = (sum[index] ?? 0) + logit / teachers.length
  }
  return sum
}

/** Examples with their teacher's logits: those with labels in the order given, then texts that have none. */
export async function taught(
  teachers: readonly string[],
  labelled: { readonly texts: readonly string[]; readonly examples: readonly Example[] },
  unlabelled: readonly string[],
  labels: readonly string[],
  form: TextForm,
): Promise<readonly Example[]> {
  const logits = await teacherLogits(teachers, [...labelled.texts, ...unlabelled], labels)
  const more = unlabelled.map((text): Example => ({ ids: encodeText(form, text), label: -1 }))
  const classes = labels.length
  return [...labelled.examples, ...more].map((example, row) => ({
    ...example,
    teacher: logits.subarray(row * classes, (row + 1) * classes),
  }))
}
