import { expect, test } from 'vitest'
import { nestsRepetition, patternsOf, signsIn } from './patterns.ts'

test.each([
  ['(a+)+$'],
  ['(?:a*)*'],
  ['(\\p{L}+ ?)*!'],
  ['((ab)+c){20,}'],
  ['(x|y+)*z'],
  ['((a{1,64})b)+'],
  ['([)]+)+'],
])('%s repeats a repetition', (pattern) => {
  expect(nestsRepetition(pattern)).toBe(true)
})

test.each([
  // those of GPT-2, Llama 3, CLIP and o200k
  ["'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"],
  [
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  ],
  ["<\\|startoftext\\|>|'s|'t|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+"],
  ["[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}]*[\\p{Ll}\\p{Lm}]+(?i:'s|'t)?|\\p{N}{1,3}|\\s+"],
  ['(\\+)\\+'],
  ['[(a+)+]'],
  ['(a+)?b'],
  ['(a+){1,3}'],
])('%s does not', (pattern) => {
  expect(nestsRepetition(pattern)).toBe(false)
})

test('patterns are found wherever they stand, and say which signs to try', () => {
  const tokenizer = {
    normalizer: { list: [{ pattern: { Regex: 'a☃*b' } }] },
    pre_tokenizer: { pattern: { String: 'x' } },
  }
  expect([...patternsOf(tokenizer)]).toEqual(['a☃*b'])
  expect(signsIn('a☃*\\p{L}+[^\\r]\\u0041b')).toEqual(['a', '☃', 'b'])
})
