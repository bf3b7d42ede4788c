import { join } from 'node:path'
import { DriftlineError } from '../../core/errors.ts'

/** A repository of the Hugging Face Hub at a revision. */
export interface HubModel {
  readonly id: string
  readonly revision: string
}

export interface HubProgress {
  readonly file: string
  /** Bytes. */
  readonly loaded: number
  /** Bytes; 0 while it is not known. */
  readonly total: number
}

interface PretrainedOptions {
  readonly revision: string
  readonly cache_dir: string
  readonly progress_callback: (event: unknown) => void
}

/** What is used of `@huggingface/transformers`, with its names. */
export interface HubLibrary {
  readonly env: { allowLocalModels: boolean }
  readonly ModelRegistry: {
    get_file_metadata(id: string, file: string, options: PretrainedOptions): Promise<{ readonly exists: boolean }>
  }
  readonly AutoTokenizer: { from_pretrained(id: string, options: PretrainedOptions): Promise<unknown> }
  readonly AutoModelForSequenceClassification: {
    from_pretrained(
      id: string,
      options: PretrainedOptions & {
        readonly dtype: 'fp32'
        readonly device: 'cpu'
        readonly subfolder: string
        readonly use_external_data_format: boolean
      },
    ): Promise<{ dispose(): Promise<unknown> }>
  }
}

const idPattern = /^(?:[\w][\w.-]*\/)?[\w][\w.-]*$/
const revisionPattern = /^[\w][\w.-]*(?:\/[\w][\w.-]*)*$/

/**
 * Parses what follows `hub:`, an id and perhaps `@` and a branch, tag or commit.
 *
 * @throws DriftlineError `USAGE`; both become paths, so neither may hold `..`
 */
export function parseHubModel(text: string): HubModel {
  const [id = '', revision = 'main', ...rest] = text.split('@')
  if (rest.length > 0 || text.includes('..') || !idPattern.test(id) || !revisionPattern.test(revision)) {
    throw new DriftlineError('USAGE', {
      reason: 'write hub:<owner>/<name> or hub:<owner>/<name>@<revision>',
      given: text,
    })
  }
  return { id, revision }
}

/** Where the library's file cache keeps a repository: `main` has no folder of its own. */
export const cachedModelPath = (cache: string, { id, revision }: HubModel): string =>
  revision === 'main' ? join(cache, id) : join(cache, id, revision)

/**
 * Lets the library download tokenizer, config and the float32 graph into its cache. It has no public function that only
 * downloads, so it also loads the model, which is then disposed of.
 *
 * @param cache directory of the library's cache
 * @throws DriftlineError `MODEL_INVALID` when the repository has no ONNX graph; else what the library throws
 */
export async function downloadModel(
  { env, ModelRegistry, AutoTokenizer, AutoModelForSequenceClassification }: HubLibrary,
  model: HubModel,
  cache: string,
  onProgress: (progress: HubProgress) => void,
): Promise<void> {
  const { id, revision } = model
  env.allowLocalModels = false // else ./models/<id> of the working folder would be taken for the Hub's
  const options = {
    revision,
    cache_dir: cache,
    progress_callback: (event: unknown) => {
      if (isProgress(event))
        onProgress({ file: event.file.replace(/^\//, ''), loaded: event.loaded, total: event.total })
    },
  }
  const has = async (file: string) => (await ModelRegistry.get_file_metadata(id, file, options)).exists
  const folders = ['onnx', ''] as const
  for (const subfolder of folders) {
    const file = subfolder === '' ? 'model.onnx' : `${subfolder}/model.onnx`
    if (!(await has(file))) continue
    await AutoTokenizer.from_pretrained(id, options)
    const loaded = await AutoModelForSequenceClassification.from_pretrained(id, {
      ...options,
      dtype: 'fp32',
      device: 'cpu',
      subfolder,
      use_external_data_format: await has(`${file}_data`),
    })
    await loaded.dispose()
    return
  }
  const reason = 'the repository has neither onnx/model.onnx nor model.onnx; export it to ONNX and import the directory'
  throw new DriftlineError('MODEL_INVALID', { reason, model: `${id}@${revision}` })
}

function isProgress(event: unknown): event is HubProgress {
  return (
    typeof event === 'object' &&
    event !== null &&
    'status' in event &&
    event.status === 'progress' &&
    'file' in event &&
    typeof event.file === 'string' &&
    'loaded' in event &&
    typeof event.loaded === 'number' &&
    'total' in event &&
    typeof event.total === 'number'
  )
}
