import { fileURLToPath } from 'node:url'
import { env, InferenceSession, Tensor } from 'onnxruntime-node'
import { DriftlineError, messageOf } from '../core/errors.ts'
import type { Provider } from './provider.ts'
import type { RunModel } from './score-chunk.ts'

export interface Session {
  readonly run: RunModel
  release(): Promise<void>
}

export interface SessionOptions {
  /** Name of the graph in the model directory, for errors. */
  readonly file: string
  /** Its contents, verified. */
  readonly onnx: Uint8Array
  readonly provider: Provider
  readonly padId: number
}

const knownInputs = ['input_ids', 'attention_mask', 'token_type_ids'] as const

/**
 * Opens a classifier for one thread. It takes `input_ids`, and `attention_mask` and `token_type_ids` when the graph has
 * them, int64 [rows, tokens], and gives `logits`, float32 [rows, classes].
 *
 * @throws DriftlineError `MODEL_INVALID` when the graph cannot be loaded or its inputs or outputs are others
 */
export async function openSession({ file, onnx, provider, padId }: SessionOptions): Promise<Session> {
  env.logLevel = 'fatal' // what goes wrong is in the error, and stderr belongs to the program
  const session = await create(file, onnx, provider)
  const problem = problemWith(session)
  if (problem !== undefined) {
    await session.release()
    throw new DriftlineError('MODEL_INVALID', { file, reason: problem })
  }
  const wanted = new Set(session.inputNames)
  return {
    async run(rows) {
      let width = 1
      for (const ids of rows) width = Math.max(width, ids.length)
      const feeds: Record<string, Tensor> = {}
      for (const name of knownInputs) if (wanted.has(name)) feeds[name] = input(name, rows, width, padId)
      const { logits } = await session.run(feeds, ['logits'])
      if (!(logits?.data instanceof Float32Array)) throw new Error('the model gave no float32 logits')
      return logits.data
    },
    release: () => session.release(),
  }
}

async function create(file: string, onnx: Uint8Array, provider: Provider): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(onnx, {
      executionProviders: provider === 'cpu' ? ['cpu'] : [provider, 'cpu'], // shape arithmetic stays on cpu
      // One thread each: four sessions of one thread do twice the work of one with four.
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      enableMemPattern: false, // planned for one shape, and here nearly every run has another
      logSeverityLevel: 4,
      extra: {
        session: {
          // Tensors in other files are not covered by the check of this one; onnxruntime would look for them in the
          // working folder. No file lies below a file.
          model_external_initializers_file_folder_path: fileURLToPath(import.meta.url),
        },
      },
    })
  } catch (error) {
    throw new DriftlineError('MODEL_INVALID', { file, reason: messageOf(error) }, { cause: error })
  }
}

function problemWith({ inputNames, outputNames, inputMetadata, outputMetadata }: InferenceSession): string | undefined {
  const known: readonly string[] = knownInputs
  const strange = inputNames.filter((name) => !known.includes(name))
  if (strange.length > 0) return `its inputs ${strange.join(', ')} are not among ${known.join(', ')}`
  if (!inputNames.includes('input_ids')) return 'it has no input input_ids'
  if (!outputNames.includes('logits')) return `it has no output logits, only ${outputNames.join(', ')}`
  for (const input of inputMetadata) {
    if (!input.isTensor || input.type !== 'int64') return `its input ${input.name} is not an int64 tensor`
  }
  const logits = outputMetadata.find(({ name }) => name === 'logits')
  if (!logits?.isTensor || logits.type !== 'float32') return 'its output logits is not a float32 tensor'
  return undefined
}

/** int64 [rows, width]. */
function input(
  name: (typeof knownInputs)[number],
  rows: readonly (readonly number[])[],
  width: number,
  padId: number,
): Tensor {
  const data = new BigInt64Array(rows.length * width)
  if (name === 'input_ids') {
    if (padId !== 0) data.fill(BigInt(padId))
    for (const [row, ids] of rows.entries()) {
      let at = row * width
      for (const id of ids) data[at++] = BigInt(id)
    }
  } else if (name === 'attention_mask') {
    for (const [row, ids] of rows.entries()) data.fill(1n, row * width, row * width + ids.length)
  } // token_type_ids: one sentence, type 0
  return new Tensor('int64', data, [rows.length, width])
}
