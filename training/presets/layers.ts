import type { GraphBuilder } from './graph-builder.ts'

/** The mask as numbers, shape [batch, tokens, 1]. `Cast` to float32 is ONNX data type 1. */
export const maskColumn = (g: GraphBuilder): string =>
  g.op('Unsqueeze', [g.op('Cast', [g.attentionMask], { to: 1 }), g.ints([2])])

/** x [batch, tokens, width], mask [batch, tokens, 1] → mean over the tokens [batch, width]. An empty text gives zeros. */
export function meanPool(g: GraphBuilder, x: string, mask: string): string {
  const sum = g.op('ReduceSum', [g.op('Mul', [x, mask]), g.ints([1])], { keepdims: 0 })
  const count = g.op('ReduceSum', [mask, g.ints([1])], { keepdims: 0 }) // [batch, 1]
  return g.op('Div', [sum, g.op('Max', [count, g.float(1)])])
}

/** x [batch, tokens, width] ≥ 0, mask [batch, tokens, 1] → its maximum over the tokens [batch, width], 0 for none. */
export const maxPool = (g: GraphBuilder, x: string, mask: string): string =>
  g.op('ReduceMax', [g.op('Mul', [x, mask])], { axes: [1], keepdims: 0 })

/** x [..., inputs] → x · weight + bias [..., outputs]. He (2015) scaling, for a ReLU behind it. */
export function dense(g: GraphBuilder, name: string, x: string, inputs: number, outputs: number): string {
  const weight = g.parameter(`${name}.weight`, [inputs, outputs], { std: Math.sqrt(2 / inputs) })
  const bias = g.parameter(`${name}.bias`, [outputs], { fill: 0 })
  return g.op('Add', [g.op('MatMul', [x, weight]), bias])
}

/** features [batch, width] → one hidden ReLU layer → logits [batch, classes]. */
export function head(g: GraphBuilder, features: string, width: number, hidden: number, classes: number): string {
  const inner = g.op('Relu', [dense(g, 'hidden', features, width, hidden)])
  return dense(g, 'classifier', inner, hidden, classes)
}
