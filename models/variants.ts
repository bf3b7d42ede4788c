/** Other numbers for the same model: beside model.onnx a directory may hold these, made and certified by the trainer. */
export const variantFiles = {
  fp32: 'model.onnx',
  int8: 'model.int8.onnx',
  fp16: 'model.fp16.onnx',
} as const

export type Variant = keyof typeof variantFiles
