import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeManifest } from '../../model-directory.ts'

export interface SmallModel {
  readonly name?: string
  /** Stands in for the weights: another content is another version. */
  readonly weights: string
  readonly parent?: number
  readonly certificate?: 'passed' | 'failed' | 'none'
}

/** A model directory that verifies and does not score: a registry looks at files, not into graphs. */
export async function smallModel(path: string, model: SmallModel): Promise<string> {
  const { name = 'tiny', weights, parent = null, certificate = 'passed' } = model
  await mkdir(path, { recursive: true })
  await writeFile(join(path, 'model.onnx'), weights)
  await writeFile(join(path, 'tokenizer.json'), '{}')
  await writeFile(join(path, 'config.json'), JSON.stringify({ id2label: { 0: 'no', 1: 'yes' } }))
  if (certificate !== 'none') {
    await writeFile(join(path, 'certificate.json'), JSON.stringify({ passed: certificate === 'passed' }))
  }
  await writeManifest(path, {
    name,
    version: 1,
    parent,
    createdAt: '2026-01-02T03:04:05.000Z',
    text: { normaliser: 'none', maxTokens: 8 },
    metrics: {},
    reference: {},
    license: 'Apache-2.0',
  })
  return path
}
