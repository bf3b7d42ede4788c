import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { messageOf } from '../../core/errors.ts'
import { quoteString, tokens } from '../lexer.ts'
import { Answer } from './answer.ts'
import { Body } from './body.ts'
import type { Engine, Execution, Statistics } from './engine.ts'
import { ClickHouseException, codes } from './exception.ts'
import { formPairs } from './form.ts'
import { parseRequest, type Request } from './request.ts'
import { cancelled, type Running } from './running.ts'
import type { NamedSessions } from './sessions.ts'
import { parseStatement, type Statement } from './statement.ts'

/** What requests share. */
export interface Shared {
  readonly engine: Engine
  readonly running: Running
  readonly sessions: NamedSessions
  readonly timezone: string
  /** For bodies on their way, relative to the working folder. */
  readonly bodies: string
}

/** Runs the statement of one request that may use the store, and answers it. */
export async function handle(message: IncomingMessage, response: ServerResponse, shared: Shared): Promise<void> {
  let answer = new Answer(message, response, { ...noRequest, timezone: shared.timezone, queryId: '' })
  const stop = new AbortController()
  const gone = () => {
    if (!response.writableFinished) stop.abort(cancelled())
  }
  response.on('close', gone)
  try {
    const body = await Body.begin(message)
    const form = await formPairs(message, body)
    const request = parseRequest(message, form)
    const queryId = request.queryId === '' ? randomUUID() : request.queryId
    answer = new Answer(message, response, {
      queryId,
      timezone: shared.timezone,
      waitForEnd: request.waitForEnd,
      compress: request.compressAnswer,
    })
    const text = [request.query, form === undefined ? body.head.toString('latin1') : '']
    const job = new Job(shared, request, queryId, body, text.filter((part) => part !== '').join('\n'), stop)
    const { statistics, written } = await job.run(answer, () => response.off('close', gone))
    await answer.end(statistics, written)
  } catch (error) {
    await answer.fail(ClickHouseException.of(error))
  } finally {
    response.off('close', gone)
  }
}

const noRequest = { waitForEnd: false, compress: false }
const reads = ['SHOW', 'DESCRIBE', 'DESC', 'EXPLAIN', 'EXISTS', 'CHECK']

interface Written {
  readonly statistics: Statistics
  /** Rows. */
  readonly written: number
}

class Job {
  readonly #shared: Shared
  readonly #request: Request
  readonly #queryId: string
  readonly #body: Body
  readonly #text: string
  readonly #stop: AbortController

  constructor(shared: Shared, request: Request, queryId: string, body: Body, text: string, stop: AbortController) {
    this.#shared = shared
    this.#request = request
    this.#queryId = queryId
    this.#body = body
    this.#text = text
    this.#stop = stop
  }

  /**
   * Resolves once the query id is free again: whoever reads the end of the answer may use it at once.
   *
   * @param keepRunning called when a client that leaves no longer stops the statement: a write, once it has all data
   */
  async run(answer: Answer, keepRunning: () => void): Promise<Written> {
    const statement = parseStatement(this.#text)
    if (statement.kind !== 'insert') this.#body.whole()
    if (statement.kind === 'empty') throw ClickHouseException.raise('SYNTAX_ERROR', 'Empty query.')
    this.#refuseWriteByGet(statement)
    const leave = await this.#shared.running.enter(this.#queryId, this.#stop, this.#request.replaceRunning)
    const lent =
      this.#request.session === undefined ? undefined : borrowOr(leave, this.#shared.sessions, this.#request.session)
    try {
      return await this.#execute(statement, answer, keepRunning, lent?.session)
    } finally {
      lent?.giveBack()
      leave()
    }
  }

  async #execute(
    statement: Exclude<Statement, { kind: 'empty' }>,
    answer: Answer,
    keepRunning: () => void,
    session: Execution['session'],
  ): Promise<Written> {
    if (statement.kind === 'select') return await this.#select(statement, answer, session)
    if (statement.kind === 'insert') return await this.#insert(statement, keepRunning, session)
    return await this.#other(statement, answer, keepRunning, session)
  }

  async #select(
    statement: Extract<Statement, { kind: 'select' }>,
    answer: Answer,
    session: Execution['session'],
  ): Promise<Written> {
    const format = this.#format(statement.format)
    answer.format = format
    let sent: Promise<void> | undefined
    const read = (output: Readable) => {
      sent = this.#forward(output, answer)
      sent.catch((error: unknown) => this.#stop.abort(error))
    }
    const write = (file: string) => statement.writing(file, format)
    try {
      const statistics = await this.#shared.engine.stream(this.#execution('read', session), write, read)
      await sent
      return { statistics, written: 0 }
    } catch (error) {
      throw await this.#ofWhatCame(error, statement.sql, session)
    }
  }

  /** The parser saw the clause that we add. What it says of the statement alone names neither that nor places in it. */
  async #ofWhatCame(error: unknown, sql: string, session: Execution['session']): Promise<unknown> {
    if (!(error instanceof ClickHouseException) || error.code !== codes.SYNTAX_ERROR) return error
    const parse = `SELECT formatQuerySingleLine(${quoteString(sql)})`
    try {
      await this.#shared.engine.run({ ...this.#execution('read', session), sql: parse }, 'Null')
      return error
    } catch (alone) {
      const said = /Exception: (Syntax error[\s\S]+?)(?:: In scope SELECT formatQuerySingleLine[\s\S]*)?$/.exec(
        messageOf(alone),
      )
      return said?.[1] === undefined ? error : ClickHouseException.raise('SYNTAX_ERROR', said[1])
    }
  }

  async #forward(output: Readable, answer: Answer): Promise<void> {
    for await (const chunk of output) await answer.write(chunk)
  }

  async #insert(
    statement: Extract<Statement, { kind: 'insert' }>,
    keepRunning: () => void,
    session: Execution['session'],
  ): Promise<Written> {
    const file = `${this.#shared.bodies}/${randomUUID()}`
    try {
      await this.#body.spool(Buffer.from(this.#text.slice(statement.dataFrom), 'latin1'), file, this.#stop.signal)
      keepRunning()
      const sql = statement.reading(file)
      const execution = { ...this.#execution('write', session), sql, leavesSession: true }
      const statistics = await this.#shared.engine.run(execution, 'TabSeparated')
      return { statistics, written: statistics.rows }
    } finally {
      await rm(file, { force: true })
    }
  }

  async #other(
    statement: Extract<Statement, { kind: 'other' }>,
    answer: Answer,
    keepRunning: () => void,
    session: Execution['session'],
  ): Promise<Written> {
    const readOnly = reads.includes(statement.keyword)
    if (!readOnly) keepRunning()
    const format = this.#format(statement.format)
    const sql = statement.keyword === 'KILL' ? killByComment(statement.sql) : statement.sql
    const execution = { ...this.#execution(readOnly ? 'read' : 'write', session), sql }
    const result: Statistics & { output: Uint8Array } = await this.#shared.engine.run(execution, format)
    if (result.output.length > 0) {
      answer.format = format
      await answer.write(Buffer.from(result.output))
    }
    return { statistics: result, written: 0 }
  }

  #format(named: string | undefined): string {
    const format = named ?? this.#request.defaultFormat ?? 'TabSeparated'
    if (/^\w{1,64}$/.test(format)) return format
    throw ClickHouseException.raise('BAD_ARGUMENTS', `${JSON.stringify(format)} is not a format.`)
  }

  #execution(lane: 'read' | 'write', session: Execution['session']): Omit<Execution, 'sql'> {
    const { database, roles, settings, parameters } = this.#request
    return { id: this.#queryId, lane, database, roles, settings, parameters, session, signal: this.#stop.signal }
  }

  #refuseWriteByGet(statement: Statement): void {
    if (!this.#request.readOnly || statement.kind === 'select') return
    if (statement.kind === 'other' && reads.includes(statement.keyword)) return
    throw ClickHouseException.raise(
      'READONLY',
      'Cannot execute query in readonly mode. Use POST for what changes data.',
    )
  }
}

function borrowOr(leave: () => void, sessions: NamedSessions, asked: NonNullable<Request['session']>) {
  try {
    return sessions.borrow(asked)
  } catch (error) {
    leave()
    throw error
  }
}

/** The engine makes up its own query ids: the client's is the comment. SYNC was seen to wait for ever. */
function killByComment(sql: string): string {
  let rewritten = ''
  let at = 0
  for (const { kind, text, start, end } of tokens(sql)) {
    if (kind !== 'word') continue
    const word = text.toLowerCase()
    const instead = word === 'query_id' ? "Settings['log_comment']" : word === 'sync' ? 'ASYNC' : undefined
    if (instead === undefined) continue
    rewritten += sql.slice(at, start) + instead
    at = end
  }
  return rewritten + sql.slice(at)
}
