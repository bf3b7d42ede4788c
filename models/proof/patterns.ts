/** The regular expressions in a tokenizer.json: `{ "Regex": "…" }` wherever it stands. The file's depth is bounded when it is read. */
export function* patternsOf(value: unknown): Generator<string> {
  if (typeof value !== 'object' || value === null) return
  if ('Regex' in value && typeof value.Regex === 'string') yield value.Regex
  for (const part of Object.values(value)) yield* patternsOf(part)
}

/** Plain characters that a pattern names, at most 32: texts that consist of them take its branches. */
export function signsIn(pattern: string): readonly string[] {
  const plain = pattern.replaceAll(/\\(?:[pP]\{[^}]*\}|u\{[^}]*\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)/gsu, '')
  return [...new Set(plain.replaceAll(/[()[\]{}|*+?^$\\]/g, ''))].slice(0, 32)
}

const parts = /\\(?:[pPu]\{[^}]*\}|.)|\[(?:\\.|[^\]\\])*\]|[*+?]|\{\d+(?:,\d*)?\}|./gsu

/** A repetition of fewer is no danger. */
const fewTimes = 16

/**
 * Whether a repetition stands inside of another, such as `(a+)+`: a text of 30 signs then takes minutes. No pre-tokenizer in use
 * needs one.
 */
export function nestsRepetition(pattern: string): boolean {
  /** For each open group: whether it holds a repetition. */
  const groups = [false]
  let before = false // whether the part before holds one
  for (const [part] of pattern.matchAll(parts)) {
    if (part === '(') {
      groups.push(false)
      before = false
    } else if (part === ')' && groups.length > 1) {
      before = groups.pop() ?? false
      groups.push((groups.pop() ?? false) || before)
    } else if (part === '?' || (part.length > 1 && part.startsWith('{')) || part === '*' || part === '+') {
      if (timesOf(part) <= fewTimes) continue
      if (before) return true
      groups[groups.length - 1] = true
      before = true
    } else before = false
  }
  return false
}

function timesOf(quantifier: string): number {
  if (quantifier === '?') return 1
  if (quantifier === '*' || quantifier === '+') return Number.POSITIVE_INFINITY
  const [least, comma, most] = /^\{(\d+)(,?)(\d*)\}$/.exec(quantifier)?.slice(1) ?? []
  if (comma === '') return Number(least)
  return most === '' ? Number.POSITIVE_INFINITY : Number(most)
}
