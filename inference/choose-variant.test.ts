import { expect, test } from 'vitest'
import { chooseVariant } from './choose-variant.ts'

const having = (...names: string[]) => ({
  path: 'm',
  files: new Map(names.map((name) => [name, new Uint8Array([names.indexOf(name)])])),
})
const all = having('model.onnx', 'model.int8.onnx', 'model.fp16.onnx')

test.each([
  ['auto', 'cpu', 'model.onnx'],
  ['auto', 'cuda', 'model.fp16.onnx'],
  ['auto', 'webgpu', 'model.onnx'],
  ['fp32', 'cuda', 'model.onnx'],
  ['int8', 'cpu', 'model.int8.onnx'],
  ['fp16', 'cpu', 'model.fp16.onnx'],
] as const)('%s on %s is %s, with its own bytes', (setting, provider, file) => {
  expect(chooseVariant(all, setting, provider)).toMatchObject({ file, onnx: all.files.get(file) })
})

test('auto takes what there is; a variant by name that is missing is refused', () => {
  const plain = having('model.onnx')
  expect(chooseVariant(plain, 'auto', 'cuda')).toMatchObject({ variant: 'fp32' })
  expect(() => chooseVariant(plain, 'int8', 'cpu')).toThrow(/no int8 variant/)
})
