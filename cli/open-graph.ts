import { basename, dirname } from 'node:path'
import { DriftlineError, messageOf } from '../core/errors.ts'
import type { OpenedGraph } from '../models/import/import-model.ts'
import { inspectGraph } from '../models/proof/inspect-graph.ts'
import { readBounded } from '../models/read-bounded.ts'
import { externalDataIn } from '../training/onnx/external-data.ts'
import { parseModel } from '../training/onnx/parse.ts'
import { encodeModel } from '../training/onnx/write.ts'

/**
 * Reads a graph for import. A file that holds all its tensors stays byte for byte what it is; external data is folded
 * into a new one.
 *
 * @throws DriftlineError `MODEL_INVALID`, also when external data lies elsewhere or does not fit into one file;
 *   `MODEL_UNSAFE` for what no model may do
 */
export async function openGraph(path: string): Promise<OpenedGraph> {
  let bytes: Uint8Array
  try {
    bytes = await readBounded(path)
  } catch (error) {
    throw new DriftlineError('MODEL_INVALID', { reason: messageOf(error), file: path }, { cause: error })
  }
  inspectGraph(bytes, { file: basename(path), external: 'allowed' }) // before anything is built from it
  const read = externalDataIn(dirname(path))
  const folded = new Set<string>()
  const model = parseModel(bytes, (at) => {
    folded.add(at.location)
    return read(at)
  })
  const { initializers, inputs, outputs } = model.graph
  return {
    onnx: folded.size === 0 ? bytes : encodeModel(model),
    folded: [...folded],
    inputs: inputs.filter(({ name }) => !initializers.has(name)), // up to IR 3 initialisers are inputs as well
    outputs,
  }
}
