import { quoteString, type Token, tokens } from '../lexer.ts'
import { ClickHouseException } from './exception.ts'

/** A statement by how it has to be run. SQL is latin1 text: one character per byte. */
export type Statement =
  | { readonly kind: 'empty' }
  /** Data follows from byte `dataFrom`; the statement runs as `reading(file)`. */
  | {
      readonly kind: 'insert'
      readonly dataFrom: number
      readonly format: string
      /** @param file path of the data, relative to the engine's folder */
      reading(file: string): string
    }
  /** Rows of any number: run as `writing(file, format)`. */
  | {
      readonly kind: 'select'
      /** As it came. */
      readonly sql: string
      readonly format: string | undefined
      writing(file: string, format: string): string
    }
  /** Few rows or none. */
  | { readonly kind: 'other'; readonly sql: string; readonly format: string | undefined; readonly keyword: string }

/**
 * Tells how a statement is run. Data that follows an INSERT never reaches the engine as SQL: the engine in this process
 * would run what stands after a blank line as the next statement.
 *
 * @param text the statement, and for an INSERT the beginning of its data
 * @throws ClickHouseException for several statements, INTO OUTFILE and FROM INFILE, like a server does
 */
export function parseStatement(text: string): Statement {
  const first = firstToken(text)
  if (first === undefined) return { kind: 'empty' }
  const keyword = first.kind === 'word' ? first.text.toUpperCase() : first.text
  if (keyword === 'INSERT') return parseInsert(text, first.end)
  return parseOther(text, keyword)
}

function parseOther(text: string, keyword: string): Statement {
  const { found, end } = wholeStatement(text)
  if (adjacent(found, 'INTO', 'OUTFILE') !== undefined) throw refused('INTO OUTFILE')
  const clause = formatClause(found)
  const before = text.slice(0, clause?.keyword.start ?? end)
  const after = clause === undefined ? '' : text.slice(clause.name.end, end)
  const format = clause?.name.text
  const inserts = found.some((token) => isWord(token, 'INSERT') && token.depth === 0)
  if (['SELECT', 'WITH', 'FROM', '('].includes(keyword) && !inserts) {
    return {
      kind: 'select',
      sql: text.slice(0, end),
      format,
      // On a line of its own: the statement may end in a comment.
      writing: (file, chosen) => `${before}\nINTO OUTFILE ${quoteString(file)} TRUNCATE FORMAT ${chosen}${after}`,
    }
  }
  return { kind: 'other', sql: text.slice(0, end), format, keyword }
}

function parseInsert(text: string, from: number): Statement {
  const seen: Token[] = []
  let settings: Token | undefined
  let selects = false
  let input: { readonly start: number; readonly end: number; readonly structure: string | undefined } | undefined
  for (const token of tokens(text, from)) {
    const previous = seen.at(-1)
    seen.push(token)
    if (selects) {
      if (isWord(previous, 'input') && token.text === '(') input ??= inputCall(text, previous?.start ?? 0)
      if (previous !== undefined && isWord(previous, 'FORMAT') && token.kind === 'word' && isClause(seen.at(-3))) {
        if (input !== undefined) return insertFromInput(text, previous, token, input)
        // Nothing reads the data: run the SELECT alone.
        return { kind: 'other', sql: text.slice(0, previous.start), format: undefined, keyword: 'INSERT' }
      }
      continue
    }
    if (token.depth > 0 || token.kind !== 'word' || namesTable(seen)) continue
    const word = token.text.toUpperCase()
    if (word === 'SELECT' || word === 'WITH') selects = true
    else if (word === 'SETTINGS') settings = token
    else if (word === 'INFILE') throw refused('FROM INFILE')
    else if (word === 'VALUES') return insertFromFile(text, settings, token.start, 'Values', token.end)
    else if (isWord(previous, 'FORMAT')) {
      return insertFromFile(text, settings, previous?.start ?? 0, token.text, dataAfterFormat(text, token.end))
    }
  }
  const { end } = wholeStatement(text)
  return { kind: 'other', sql: text.slice(0, end), format: undefined, keyword: 'INSERT' }
}

/** `INSERT INTO t (a) SETTINGS s = 1 FORMAT F` becomes `INSERT INTO t (a) FROM INFILE 'file' … SETTINGS s = 1 FORMAT F`. */
function insertFromFile(
  text: string,
  settings: Token | undefined,
  clause: number,
  format: string,
  dataFrom: number,
): Statement {
  const target = text.slice(0, settings?.start ?? clause)
  const chosen = settings === undefined ? '' : text.slice(settings.start, clause)
  return {
    kind: 'insert',
    dataFrom,
    format,
    reading: (file) => `${target}\nFROM INFILE ${quoteString(file)} COMPRESSION 'none'\n${chosen}\nFORMAT ${format}`,
  }
}

/** `… FROM input('a Int8') … FORMAT F` becomes `… FROM file('file', 'F', 'a Int8') …`. */
function insertFromInput(
  text: string,
  clause: Token,
  format: Token,
  input: { readonly start: number; readonly end: number; readonly structure: string | undefined },
): Statement {
  if (input.structure === undefined) {
    throw ClickHouseException.raise('BAD_ARGUMENTS', "Table function 'input' needs the structure of the data here.")
  }
  const [before, after] = [text.slice(0, input.start), text.slice(input.end, clause.start)]
  return {
    kind: 'insert',
    dataFrom: dataAfterFormat(text, format.end),
    format: format.text,
    reading: (file) =>
      `${before}file(${quoteString(file)}, ${quoteString(format.text)}, ${input.structure}, 'none')${after}`,
  }
}

function inputCall(text: string, start: number) {
  const call = [...take(tokens(text, start), 4)]
  const [, , argument, close] = call
  if (argument?.kind === 'quoted' && close?.text === ')') return { start, end: close.end, structure: argument.text }
  return { start, end: argument?.end ?? start, structure: undefined }
}

/** The statement up to its semicolon; what follows that must be nothing. */
function wholeStatement(text: string): { found: Token[]; end: number } {
  const found: Token[] = []
  let end: number | undefined
  for (const token of tokens(text)) {
    if (token.text === ';') end ??= token.start
    else if (end !== undefined) {
      throw ClickHouseException.raise('SYNTAX_ERROR', 'Syntax error (Multi-statements are not allowed).')
    } else found.push(token)
  }
  return { found, end: end ?? found.at(-1)?.end ?? text.length }
}

/** The last `FORMAT name` outside brackets, when only SETTINGS follow it. */
function formatClause(found: readonly Token[]): { keyword: Token; name: Token } | undefined {
  for (let at = found.length - 2; at > 0; at -= 1) {
    const [before, keyword, name, next] = found.slice(at - 1, at + 3)
    if (keyword === undefined || name === undefined || keyword.depth > 0) continue
    if (!isWord(keyword, 'FORMAT') || name.kind !== 'word' || !isClause(before)) continue
    if (next === undefined || isWord(next, 'SETTINGS')) return { keyword, name }
  }
  return undefined
}

/** Whether a clause can begin after this token: after an operator, a comma, a dot or SELECT, `format` is a column. */
function isClause(before: Token | undefined): boolean {
  if (before === undefined) return false
  if (before.kind === 'symbol') return ')]}*'.includes(before.text)
  return !['SELECT', 'AS', 'AND', 'OR', 'NOT', 'BY', 'WHERE', 'DISTINCT'].some((word) => isWord(before, word))
}

/** Whether the last of the tokens since INSERT belongs to the name of the target, which may be any word. */
function namesTable(seen: readonly Token[]): boolean {
  const words = seen.filter((token) => token.depth === 0)
  let at = isWord(words[0], 'INTO') ? 1 : 0
  for (const keyword of ['TABLE', 'FUNCTION']) {
    if (isWord(words[at], keyword) && words.length > at + 1) at += 1
  }
  while (words[at + 1]?.text === '.') at += 2
  return words.length - 1 <= at
}

/** Data begins after the first line break, or after the blanks when none follows. @see ClickHouse, ParserInsertQuery.cpp */
function dataAfterFormat(text: string, end: number): number {
  const blanks = /[ \t\f]*;?[ \t\f]*(?:\r?\n|\r)?/y
  blanks.lastIndex = end
  return end + (blanks.exec(text)?.[0].length ?? 0)
}

const isWord = (token: Token | undefined, word: string): boolean =>
  token?.kind === 'word' && token.text.toUpperCase() === word.toUpperCase()

const adjacent = (found: readonly Token[], first: string, second: string): Token | undefined =>
  found.find((token, at) => isWord(token, first) && isWord(found[at + 1], second))

const refused = (clause: string) =>
  ClickHouseException.raise('INTO_OUTFILE_NOT_ALLOWED', `${clause} is not allowed over HTTP.`, 400)

const firstToken = (text: string): Token | undefined => [...take(tokens(text), 1)][0]

function* take<T>(items: Iterable<T>, count: number): Generator<T> {
  let left = count
  for (const item of items) {
    if (left === 0) return
    left -= 1
    yield item
    if (left === 0) return
  }
}
