import { access, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { downloadFromHub } from './download-from-hub.ts'
import { type HubProgress, parseHubModel } from './hub.ts'

// Tests have no network, so these run the download process with a stub that has the library's names and writes files as
// its cache does. By hand it was run with @huggingface/transformers 4.3.1 against a local server.

const stub = (graph: string) => `
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
const fetched = (id, file, { cache_dir, revision, progress_callback }) => {
  const path = join(cache_dir, id, revision === 'main' ? '' : revision, file)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, id)
  progress_callback({ status: 'initiate', name: id, file })
  progress_callback({ status: 'progress', name: id, file, progress: 100, loaded: id.length, total: id.length })
}
export const env = { allowLocalModels: true }
export const ModelRegistry = {
  async get_file_metadata(id, file) {
    if (id === 'org/gated') throw new Error('Unauthorized access')
    return { exists: file === ${JSON.stringify(graph)} }
  },
}
export const AutoTokenizer = {
  async from_pretrained(id, options) {
    if (env.allowLocalModels) throw new Error('a folder of the working folder could be taken')
    fetched(id, 'tokenizer.json', options)
  },
}
export const AutoModelForSequenceClassification = {
  async from_pretrained(id, options) {
    if (id === 'org/endless') await new Promise(() => setInterval(() => undefined, 1000))
    if (id === 'org/vast') {
      options.progress_callback({ status: 'progress', file: 'onnx/model.onnx', loaded: 1, total: 2 ** 40 })
      await new Promise(() => setInterval(() => undefined, 1000))
    }
    if (id === 'org/fatal') process.kill(process.pid, 'SIGKILL')
    if (options.dtype !== 'fp32' || options.use_external_data_format) throw new Error('another file')
    fetched(id, options.subfolder + '/model.onnx', options)
    return { dispose: async () => undefined }
  },
}
`

async function download(id: string, options: { graph?: string; signal?: AbortSignal; library?: string } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'driftline-hub-'))
  const module = join(folder, 'library.mjs')
  await writeFile(module, stub(options.graph ?? 'onnx/model.onnx'))
  const progress: HubProgress[] = []
  const directory = await downloadFromHub({
    model: parseHubModel(id),
    cache: join(folder, 'cache'),
    onProgress: (step) => progress.push(step),
    signal: options.signal ?? new AbortController().signal,
    library: options.library ?? pathToFileURL(module).href,
  })
  return {
    directory: directory.slice(folder.length + 1),
    progress,
    exists: (name: string) => access(join(directory, name)),
  }
}

test.each([
  ['org/tiny', 'onnx/model.onnx', 'cache/org/tiny'],
  ['org/tiny@v1.0', 'model.onnx', 'cache/org/tiny/v1.0'],
])('%s is downloaded where the graph is %s', async (id, graph, expected) => {
  const { directory, progress, exists } = await download(id, { graph })
  expect(directory).toBe(expected)
  await Promise.all([exists('tokenizer.json'), exists(graph)])
  expect(progress).toEqual(['tokenizer.json', graph].map((file) => ({ file, loaded: 8, total: 8 })))
})

test('a repository without a graph is told apart from one that cannot be reached', async () => {
  await expect(download('org/tiny', { graph: 'model.safetensors' })).rejects.toMatchObject({
    code: 'MODEL_INVALID',
    details: { reason: expect.stringContaining('neither onnx/model.onnx nor model.onnx'), model: 'org/tiny@main' },
  })
  await expect(download('org/gated')).rejects.toMatchObject({
    code: 'HUB_UNAVAILABLE',
    details: { reason: 'Unauthorized access', model: 'org/gated@main' },
  })
})

test('without the library it says what to install', async () => {
  await expect(download('org/tiny', { library: '@driftline/not-installed' })).rejects.toMatchObject({
    code: 'HUB_UNAVAILABLE',
    details: { reason: expect.stringContaining('npm install @driftline/not-installed') },
  })
  await expect(download('org/tiny', { library: 'node:path' })).rejects.toMatchObject({
    code: 'HUB_UNAVAILABLE',
    details: { reason: expect.stringContaining('too old') },
  })
})

test('a download that dies is not taken for one that is done', async () => {
  await expect(download('org/fatal')).rejects.toMatchObject({
    code: 'HUB_UNAVAILABLE',
    details: { reason: 'the download ended with SIGKILL' },
  })
})

test('a file that nothing could load is not downloaded to its end', async () => {
  await expect(download('org/vast')).rejects.toMatchObject({
    code: 'MODEL_TOO_COSTLY',
    details: { reason: expect.stringContaining('onnx/model.onnx has 1099511627776 bytes') },
  })
})

test('an abort ends the download and its process', async () => {
  const stop = new AbortController()
  const reason = new Error('enough')
  const folder = await mkdtemp(join(tmpdir(), 'driftline-hub-'))
  const library = join(folder, 'library.mjs')
  await writeFile(library, stub('onnx/model.onnx'))
  const downloading = downloadFromHub({
    model: parseHubModel('org/endless'),
    cache: join(folder, 'cache'),
    onProgress: () => stop.abort(reason), // the tokenizer has arrived, the model never will
    signal: stop.signal,
    library: pathToFileURL(library).href,
  })
  await expect(downloading).rejects.toBe(reason)
})

test.each(['', 'a/b/c', '../secrets', 'a/..', 'a/b@../../x', 'a/b@c@d', 'a/b@', '/etc/passwd', 'a b', 'a/b@refs//x'])(
  '%j is no id of the Hub',
  (text) => {
    expect(() => parseHubModel(text)).toThrow(expect.objectContaining({ code: 'USAGE' }))
  },
)

test.each([
  ['name', { id: 'name', revision: 'main' }],
  ['owner/a.name_1@refs/pr/3', { id: 'owner/a.name_1', revision: 'refs/pr/3' }],
])('%s is one', (text, expected) => {
  expect(parseHubModel(text)).toEqual(expected)
})
