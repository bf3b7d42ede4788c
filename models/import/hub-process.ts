import { DriftlineError, messageOf } from '../../core/errors.ts'
import type { FromHubProcess } from './download-from-hub.ts'
import { downloadModel, type HubLibrary, type HubModel } from './hub.ts'

// Runs apart from the program: the library brings an onnxruntime of its own, and two of them in one process share
// whichever native library was loaded first.

const [packageName = '', id = '', revision = '', cache = ''] = process.argv.slice(2)
const model: HubModel = { id, revision }

// When the parent is gone, nobody waits for the model; and the library may leave handles behind that keep it alive.
process.on('disconnect', () => process.exit())

/** Ends the channel once the parent has it, so that nothing is cut off. */
const finish = (message: FromHubProcess): void => {
  process.send?.(message, () => process.disconnect())
}

try {
  const library = await load(packageName)
  await downloadModel(library, model, cache, (progress) => process.send?.({ kind: 'progress', progress }))
  finish({ kind: 'done' })
} catch (error) {
  const { code, details } =
    error instanceof DriftlineError
      ? error
      : { code: 'HUB_UNAVAILABLE' as const, details: { reason: messageOf(error), model: `${id}@${revision}` } }
  finish({ kind: 'failed', code, details: { ...details } })
}

async function load(name: string): Promise<HubLibrary> {
  let library: unknown
  try {
    library = await import(name)
  } catch (error) {
    const reason = `downloads need the package ${name}; npm install ${name} next to driftline (${messageOf(error)})`
    throw new DriftlineError('HUB_UNAVAILABLE', { reason }, { cause: error })
  }
  if (isLibrary(library)) return library
  throw new DriftlineError('HUB_UNAVAILABLE', { reason: `this version of ${name} is too old; install ${name}@4` })
}

function isLibrary(library: unknown): library is HubLibrary {
  const names = ['env', 'ModelRegistry', 'AutoTokenizer', 'AutoModelForSequenceClassification']
  return typeof library === 'object' && library !== null && names.every((name) => name in library)
}
