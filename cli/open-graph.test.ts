import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bytes, external, graph, model, node, number } from '../models/proof/testing/onnx-writer.ts'
import { openGraph } from './open-graph.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'driftline-open-graph-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function written(name: string, content: Uint8Array): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, content)
  return path
}

test('a graph is refused for what it would do before anything is built from it', async () => {
  let body = graph({ nodes: [] })
  for (let depth = 0; depth < 5000; depth++) {
    body = graph({ nodes: [node('If', ['c'], ['y'], { attributes: [bytes(6, body)] })] })
  }
  await expect(openGraph(await written('deep.onnx', model(body)))).rejects.toMatchObject({ code: 'MODEL_UNSAFE' })
  const looping = model(graph({ nodes: [node('Loop', [], ['logits'])] }))
  await expect(openGraph(await written('loop.onnx', looping))).rejects.toMatchObject({ code: 'MODEL_UNSAFE' })
  const claiming = model(graph({ nodes: [], constants: [Uint8Array.from([...number(1, 2 ** 40), ...number(2, 1)])] }))
  await expect(openGraph(await written('vast.onnx', claiming))).rejects.toMatchObject({ code: 'MODEL_INVALID' })
})

test('a file past 2 GiB is not read', async () => {
  const path = await written('large.onnx', new Uint8Array(0))
  await truncate(path, 3 * 2 ** 30) // takes no space
  await expect(openGraph(path)).rejects.toMatchObject({
    code: 'MODEL_INVALID',
    details: { reason: expect.stringContaining('3221225472 bytes') },
  })
})

test.each(['../secret.bin', '/etc/hostname'])('tensors in %s are not folded in', async (location) => {
  const path = await written('external.onnx', model(graph({ nodes: [], constants: [external('e', location, 8)] })))
  await expect(openGraph(path)).rejects.toMatchObject({ code: 'MODEL_INVALID' })
})
