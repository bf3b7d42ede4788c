import { expect, test } from 'vitest'
import { argmax, softmaxRows } from '../stats/softmax.ts'
import { evaluate } from './evaluate.ts'

const labels = ['down', 'flat', 'up']

test('accuracy, macro-recall, macro-F1 and confusion of six posts, by hand', () => {
  // predicted:           down     flat     flat     up       up       down
  const logits = Float32Array.from([5, 0, 0, 0, 5, 0, 0, 5, 0, 0, 0, 5, 0, 0, 5, 5, 0, 0])
  const truth = [0, 0, 1, 2, 2, 2]
  const { accuracy, macroRecall, macroF1, confusion, perClass } = evaluate(logits, truth, labels)
  expect(confusion).toEqual([
    [1, 1, 0],
    [0, 1, 0],
    [1, 0, 2],
  ])
  expect(accuracy).toBeCloseTo(4 / 6)
  expect(macroRecall).toBeCloseTo((1 / 2 + 1 + 2 / 3) / 3)
  expect(macroF1).toBeCloseTo((1 / 2 + 2 / 3 + 4 / 5) / 3)
  expect(perClass[2]).toMatchObject({ label: 'up', rows: 3, precision: 1, recall: 2 / 3 })
})

test('a class that does not occur takes no part in the means', () => {
  const { macroRecall, macroF1 } = evaluate(Float32Array.from([5, 0, 0, 0, 5, 0]), [0, 1], labels)
  expect({ macroRecall, macroF1 }).toEqual({ macroRecall: 1, macroF1: 1 })
})

test('a classifier that is 75 % sure and right half of the time is 0.25 off', () => {
  const sure = [Math.log(0.75), Math.log(0.125), Math.log(0.125)]
  const { ece } = evaluate(Float32Array.from([...sure, ...sure]), [0, 1], labels)
  expect(ece).toBeCloseTo(0.25, 5)
})

test('logits of ±1000 and rows of none stay numbers', () => {
  expect([...softmaxRows(Float32Array.from([1000, -1000, 0]), 3)]).toEqual([1, 0, 0])
  const { accuracy, loss, ece } = evaluate(new Float32Array(0), [], labels)
  expect({ accuracy, loss, ece }).toEqual({ accuracy: 0, loss: 0, ece: 0 })
})

test('of equal values the first wins', () => {
  expect(argmax([1, 2, 2, 0, 0, 0], 0, 3)).toBe(1)
  expect(argmax([1, 2, 2, 0, 0, 0], 1, 3)).toBe(0)
})
