import { InferenceSession, Tensor } from 'onnxruntime-node'
import { type Example, feedsOf, type InputForm } from './data-batches.ts'

/** Rows of one run: batches of 8–32 beat 128. */
const runRows = 32

/**
 * Logits of onnxruntime on the CPU, [rows · classes], in the order of the examples; like lengths run together.
 *
 * @param onnx contents of model.onnx
 */
export async function onnxLogits(
  onnx: Uint8Array,
  examples: readonly Pick<Example, 'ids'>[],
  form: InputForm,
  classes: number,
): Promise<Float32Array> {
  const session = await InferenceSession.create(onnx, {
    executionProviders: ['cpu'],
    logSeverityLevel: 3, // errors; of a float16 graph it would warn twice a node that the CPU computes it in float32
  })
  try {
    const sorted = examples.map(({ ids }, row) => ({ ids, row })).sort((a, b) => a.ids.length - b.ids.length)
    const logits = new Float32Array(examples.length * classes)
    for (let start = 0; start < sorted.length; start += runRows) {
      const rows = sorted.slice(start, start + runRows)
      const feeds = Object.entries(feedsOf(rows, form)).map(([name, { dims, data }]) => [
        name,
        new Tensor('int64', BigInt64Array.from(data, BigInt), dims),
      ])
      const { logits: output } = await session.run(Object.fromEntries(feeds))
      if (!(output?.data instanceof Float32Array)) throw new Error('the model gave no float32 logits')
      for (const [at, { row }] of rows.entries()) {
        logits.set(output.data.subarray(at * classes, (at + 1) * classes), row * classes)
      }
    }
    return logits
  } finally {
    await session.release()
  }
}
