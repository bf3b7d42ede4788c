import { z } from 'zod'
import { DriftlineError } from '../../core/errors.ts'
import * as tf from '../tf.ts'
import { at } from './dims.ts'
import { sizeOf } from './host-tensor.ts'
import { kernel } from './kernel.ts'

/** `bhid,bhjd->bhij`: letters of each operand and of the result. Ellipses and repeated letters do not occur. */
function parse(equation: string): { operands: string[]; result: string } {
  const compact = equation.replaceAll(' ', '')
  const match = /^([a-zA-Z]+)(?:,([a-zA-Z]+))?(?:->([a-zA-Z]*))?$/.exec(compact)
  const operands = match?.slice(1, 3).filter((operand) => operand !== undefined) ?? []
  if (operands.length === 0 || operands.some((letters) => new Set(letters).size < letters.length)) {
    throw new DriftlineError('OPERATOR_UNSUPPORTED', { op: 'Einsum', reason: 'this kind of equation', equation })
  }
  const all = [...operands.join('')].sort()
  const once = all.filter((letter) => all.indexOf(letter) === all.lastIndexOf(letter))
  return { operands, result: match?.[3] ?? once.join('') }
}

/** Sums the letters away that `keep` does not have, and orders the rest like it. */
function arranged(x: tf.Tensor, letters: string, keep: string): tf.Tensor {
  const summed = [...letters].flatMap((letter, axis) => (keep.includes(letter) ? [] : [axis]))
  const left = [...letters].filter((letter) => keep.includes(letter))
  const reduced = summed.length === 0 ? x : tf.sum(x, summed)
  return tf.transpose(
    reduced,
    [...keep].filter((letter) => left.includes(letter)).map((letter) => left.indexOf(letter)),
  )
}

/** One operand: sums and a transposition. Two: a batched multiplication, [batch, left, inner] × [batch, inner, right]. */
export const einsum = kernel({
  op: 'Einsum',
  since: 12,
  inputs: { inputs: 'tensors' },
  attrs: z.strictObject({ equation: z.string().transform(parse) }),
  run: ({ inputs }, { equation: { operands, result } }) => {
    const [a, b] = inputs
    const [lettersA, lettersB] = operands
    if (a === undefined || lettersA === undefined || inputs.length !== operands.length) {
      throw new DriftlineError('MODEL_INVALID', { reason: 'an equation for another number of inputs' })
    }
    if (b === undefined || lettersB === undefined) return arranged(a, lettersA, result)
    const size = (letter: string): number => {
      const axis = lettersA.indexOf(letter)
      return axis >= 0 ? at(a.shape, axis) : at(b.shape, lettersB.indexOf(letter))
    }
    const pick = (test: (letter: string) => boolean): string => [...new Set(lettersA + lettersB)].filter(test).join('')
    const shared = (letter: string) => lettersA.includes(letter) && lettersB.includes(letter)
    const batch = pick((letter) => shared(letter) && result.includes(letter))
    const inner = pick((letter) => shared(letter) && !result.includes(letter))
    const left = pick((letter) => !lettersB.includes(letter) && result.includes(letter))
    const right = pick((letter) => !lettersA.includes(letter) && result.includes(letter))
    const count = (letters: string): number => sizeOf([...letters].map(size))
    const product = tf.matMul(
      tf.reshape(arranged(a, lettersA, batch + left + inner), [count(batch), count(left), count(inner)]),
      tf.reshape(arranged(b, lettersB, batch + inner + right), [count(batch), count(inner), count(right)]),
    )
    const letters = batch + left + right
    return arranged(tf.reshape(product, [...letters].map(size)), letters, result)
  },
})
