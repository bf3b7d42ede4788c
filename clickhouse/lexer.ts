import { isUtf8 } from 'node:buffer'

/**
 * A piece of ClickHouse SQL. Only what decides where clauses begin and end is told apart: what lies in quotes, comments
 * and heredocs is one token, so no keyword is ever seen inside it.
 */
export interface Token {
  readonly kind: 'word' | 'quoted' | 'identifier' | 'symbol'
  /** As it stands in the text. */
  readonly text: string
  /** Half-open range in the text. */
  readonly start: number
  readonly end: number
  /** How many brackets are open around it; the brackets themselves count as outside. */
  readonly depth: number
}

/**
 * Splits SQL into tokens, leaving out white space and comments. Characters are bytes (a latin1 string), because data of
 * any kind may follow a statement; the typographic quotes that ClickHouse knows are spelt as their UTF-8 bytes.
 *
 * What is never closed (a quote, a comment) reaches to the end of the text: the engine then reports it.
 *
 * @see ClickHouse, src/Parsers/Lexer.cpp
 */
export function* tokens(sql: string, from = 0): Generator<Token> {
  let at = from
  let depth = 0
  while (at < sql.length) {
    const gap = skip(sql, at)
    if (gap > at) {
      at = gap
      continue
    }
    const [kind, end] = tokenAt(sql, at)
    const text = sql.slice(at, end)
    if (kind === 'symbol' && ')]}'.includes(text)) depth -= 1
    yield { kind, text, start: at, end, depth }
    if (kind === 'symbol' && '([{'.includes(text)) depth += 1
    at = end
  }
}

/** The statements of a script, without the semicolons between them; what holds only comments is left out. */
export function statements(script: string): string[] {
  const bytes = Buffer.from(script, 'utf8').toString('latin1')
  const found: string[] = []
  let start: number | undefined
  let end = 0
  const close = () => {
    if (start !== undefined) found.push(Buffer.from(bytes.slice(start, end), 'latin1').toString('utf8'))
    start = undefined
  }
  for (const token of tokens(bytes)) {
    if (token.text === ';') close()
    else {
      start ??= token.start
      end = token.end
    }
  }
  close()
  return found
}

/**
 * Bytes of a statement (a latin1 string) as text. Bytes that are no UTF-8 survive inside `'…'`, spelt as escapes.
 */
export function sqlText(bytes: string): string {
  const buffer = Buffer.from(bytes, 'latin1')
  if (isUtf8(buffer)) return buffer.toString('utf8')
  let spelt = ''
  let at = 0
  for (const { kind, text, start, end } of tokens(bytes)) {
    if (kind !== 'quoted' || !text.startsWith("'")) continue
    spelt += bytes.slice(at, start)
    spelt += text.replace(/[^\x20-\x7e]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`)
    at = end
  }
  return Buffer.from(spelt + bytes.slice(at), 'latin1').toString('utf8')
}

/** `'…'` as ClickHouse reads it, from a latin1 or a UTF-8 string alike. */
export const quoteString = (value: string): string => `'${value.replace(/[\\']/g, '\\$&').replaceAll('\u0000', '\\0')}'`

/** `` `…` `` as ClickHouse reads it. */
export const quoteIdentifier = (name: string): string => `\`${name.replace(/[\\`]/g, '\\$&')}\``

/** White space as the engine skips it, NUL included. */
const space = /[\s\0\u00a0]*/y

const leftSingle = '\u00e2\u0080\u0098'
const rightSingle = '\u00e2\u0080\u0099'
const leftDouble = '\u00e2\u0080\u009c'
const rightDouble = '\u00e2\u0080\u009d'

/** The end of white space or of one comment that begins here. */
function skip(sql: string, at: number): number {
  const end = at + match(space, sql, at).length
  if (end > at) return end
  const two = sql.slice(at, at + 2)
  if (two === '--' || two === '//' || two === '#!' || two === '# ') return endOf(sql, '\n', at)
  return two === '/*' ? endOfComment(sql, at) : at
}

/** Comments nest. */
function endOfComment(sql: string, at: number): number {
  const edges = /\/\*|\*\//g
  edges.lastIndex = at
  let open = 0
  for (let edge = edges.exec(sql); edge !== null; edge = edges.exec(sql)) {
    open += edge[0] === '/*' ? 1 : -1
    if (open === 0) return edges.lastIndex
  }
  return sql.length
}

function tokenAt(sql: string, at: number): [Token['kind'], number] {
  const first = sql[at] ?? ''
  if (first === "'") return ['quoted', closingQuote(sql, at)]
  if (first === '"' || first === '`') return ['identifier', closingQuote(sql, at)]
  if (sql.startsWith(leftSingle, at)) return ['quoted', endOf(sql, rightSingle, at + 3)]
  if (sql.startsWith(leftDouble, at)) return ['identifier', endOf(sql, rightDouble, at + 3)]
  const heredoc = match(/\$\w*\$/y, sql, at)
  if (heredoc !== '') {
    const close = sql.indexOf(heredoc, at + heredoc.length)
    if (close >= 0) return ['quoted', close + heredoc.length]
  }
  const word = match(/[A-Za-z0-9_$]+/y, sql, at)
  return word === '' ? ['symbol', at + 1] : ['word', at + word.length]
}

/** Both `\'` and `''` stand for the quote itself. */
function closingQuote(sql: string, at: number): number {
  const quote = sql[at]
  for (let next = at + 1; next < sql.length; next += 1) {
    if (sql[next] === '\\') next += 1
    else if (sql[next] === quote) {
      if (sql[next + 1] !== quote) return next + 1
      next += 1
    }
  }
  return sql.length
}

function endOf(sql: string, terminator: string, from: number): number {
  const found = sql.indexOf(terminator, from)
  return found < 0 ? sql.length : found + terminator.length
}

function match(pattern: RegExp, sql: string, at: number): string {
  pattern.lastIndex = at
  return pattern.exec(sql)?.[0] ?? ''
}
