import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { type ChdbResult, Session } from 'chdb'
import { z } from 'zod'
import { DriftlineError, messageOf } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { quoteIdentifier, quoteString, sqlText } from '../lexer.ts'
import { ClickHouseException } from './exception.ts'
import { KeptSessions } from './kept-sessions.ts'
import { Lane } from './lane.ts'
import { Pipes } from './pipes.ts'
import { readers, writers } from './threads.ts'

/** Statements that wait for their turn; more are refused. */
const waiting = 512

/**
 * What a server does by default and the embedded engine does not, and what makes an acknowledged insert durable: with
 * `async_insert` (the default of 26.x) an insert is acknowledged before it is written.
 */
const connectionArgs = [
  '--async_insert=0',
  '--mutations_sync=2',
  '--alter_sync=2',
  '--implicit_select=0',
  '--storage_file_read_method=pread',
]

/**
 * In megabytes. The engine's own bounds are 5 GB each, or half of the memory, and what was read of a part stays when the part has been
 * merged away: at 300 posts/s the marks alone grew by 17 MB an hour. 128 MB hold those of about a thousand million scores.
 */
const cacheMb = {
  mark_cache_size: 128,
  index_mark_cache_size: 32,
  primary_index_cache_size: 64,
  query_condition_cache_size: 16,
}
const cacheArgs = Object.entries(cacheMb).map(([name, mb]) => `--${name}=${mb * 1_000_000}`)

/** One execution: the statement and the context that it alone runs in. SQL is latin1 text, one character per byte. */
export interface Execution {
  /** Unique among what runs; KILL QUERY knows it by this. */
  readonly id: string
  readonly sql: string
  readonly lane: 'read' | 'write'
  readonly database: string
  readonly roles: readonly string[]
  readonly settings: ReadonlyMap<string, string>
  readonly parameters: ReadonlyMap<string, string>
  /** Of a named session that keeps its temporary tables and settings; otherwise one of its own. */
  readonly session?: Session | undefined
  /** Whether the statement leaves its session as it was, so that the next one of the same context may have it: an INSERT. */
  readonly leavesSession?: boolean
  readonly signal: AbortSignal
}

export interface Statistics {
  readonly rows: number
  readonly bytes: number
  readonly elapsedNs: number
}

/**
 * ClickHouse in this process. Each execution has a session of its own, so nothing leaks from one into another; those of
 * inserts are used again, by inserts of the very same context.
 */
export class Engine {
  readonly #path: string
  readonly #args: readonly string[]
  readonly #log: Log
  readonly #pipes: Pipes
  readonly #first: Session
  readonly #lanes = { read: new Lane(readers, waiting), write: new Lane(writers, waiting) }
  readonly #running = new Map<string, Promise<unknown>>()
  readonly #kept = new KeptSessions()

  private constructor(path: string, args: readonly string[], log: Log, pipes: Pipes, first: Session) {
    this.#path = path
    this.#args = args
    this.#log = log
    this.#pipes = pipes
    this.#first = first
  }

  /**
   * @param path the engine's own folder, absolute
   * @param pipeFolder for results on their way, relative to the working folder
   * @param moreArgs of the engine, such as `--config-file=…`
   * @throws DriftlineError `STORE_LOCKED` when another process has it open
   */
  static async open(path: string, pipeFolder: string, log: Log, moreArgs: readonly string[] = []): Promise<Engine> {
    const args = [...connectionArgs, ...cacheArgs, ...moreArgs]
    let first: Session
    try {
      first = new Session(path, { connectionArgs: args })
    } catch (error) {
      throw new DriftlineError('STORE_LOCKED', { path, reason: messageOf(error) }, { cause: error })
    }
    await mkdir(pipeFolder, { recursive: true, mode: 0o700 })
    return new Engine(path, args, log, await Pipes.create(pipeFolder, readers), first)
  }

  openSession(): Session {
    return new Session(this.#path, { connectionArgs: [...this.#args] })
  }

  async timezone(): Promise<string> {
    return (await this.#first.queryAsync('SELECT timezone()', { format: 'TSVRaw' })).text().trim()
  }

  /** Runs a statement with few rows or none. */
  async run(execution: Execution, format: string): Promise<Statistics & { readonly output: Uint8Array }> {
    return await this.#within(execution, async (session, sql) => {
      const result = await session.queryAsync(sql, { format })
      return { ...statistics(result), output: result.bytes() }
    })
  }

  /**
   * Runs a SELECT whose rows come through a pipe, no faster than they are read. Resolves once the engine is finished and
   * the output has closed. To stop early, abort the execution's signal.
   *
   * @param write the statement that writes its rows to a file
   * @param read is given the output once, when the statement starts
   */
  async stream(
    execution: Omit<Execution, 'sql'>,
    write: (file: string) => string,
    read: (output: Readable) => void,
  ): Promise<Statistics> {
    return await this.#within({ ...execution, sql: '' }, async (session) => {
      const pipe = this.#pipes.open()
      const closed = once(pipe.output, 'close')
      const drop = () => pipe.output.unpipe().resume() // an engine that waits for a reader could not be stopped
      execution.signal.addEventListener('abort', drop)
      try {
        read(pipe.output)
        return statistics(await session.queryAsync(sqlText(write(pipe.path))))
      } finally {
        pipe.finish()
        if (execution.signal.aborted) pipe.output.destroy()
        await closed
        execution.signal.removeEventListener('abort', drop)
        pipe.release()
      }
    })
  }

  /** Ends all that runs; resolves when it has ended. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#running.values())
    this.#kept.closeAll()
    this.#first.close()
  }

  async #within<T>(execution: Execution, act: Act<T>): Promise<T> {
    const lane = this.#lanes[execution.lane]
    if (lane.full) throw ClickHouseException.raise('TOO_MANY_SIMULTANEOUS_QUERIES', 'Too many simultaneous queries.')
    const leave = await lane.enter(execution.signal)
    const { id } = execution
    try {
      const { session } = execution
      const running = session === undefined ? this.#alone(execution, act) : this.#inNamed(session, execution, act)
      this.#running.set(id, running)
      return await running
    } catch (error) {
      throw ClickHouseException.of(error)
    } finally {
      this.#running.delete(id)
      leave()
    }
  }

  /** In a fresh session, or one that was left as it was. One whose statement failed is closed. */
  async #alone<T>(execution: Execution, act: Act<T>): Promise<T> {
    const { id, leavesSession = false } = execution
    const context = contextOf(execution)
    const kept = leavesSession ? this.#kept.take(context) : undefined
    const session = kept?.session ?? this.openSession()
    let left = false
    try {
      if (kept === undefined) await session.queryAsync(sqlText(`${context}${named(id)}`))
      else if (kept.id !== id) await session.queryAsync(sqlText(named(id)))
      const result = await this.#act(session, execution, act)
      left = leavesSession
      return result
    } finally {
      if (left) this.#kept.keep({ session, context, id })
      else session.close()
    }
  }

  async #inNamed<T>(session: Session, execution: Execution, act: Act<T>): Promise<T> {
    const before = await settingsOf(session, [...execution.settings.keys()])
    await session.queryAsync(sqlText(`${contextOf(execution)}${named(execution.id)}`))
    try {
      return await this.#act(session, execution, act)
    } finally {
      if (before !== '') await session.queryAsync(before)
    }
  }

  async #act<T>(session: Session, execution: Execution, act: Act<T>): Promise<T> {
    execution.signal.throwIfAborted()
    const kill = () => this.#kill(execution.id)
    execution.signal.addEventListener('abort', kill)
    try {
      return await act(session, sqlText(execution.sql))
    } finally {
      execution.signal.removeEventListener('abort', kill)
    }
  }

  /** ASYNC, because SYNC was seen to wait for ever; repeated, because a statement between two stages is not listed. */
  #kill(id: string): void {
    const again = async () => {
      while (this.#running.has(id)) {
        await this.#first.queryAsync(`KILL QUERY WHERE Settings['log_comment'] = ${quoteString(id)} ASYNC`)
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    }
    again().catch((error: unknown) => this.#log.warn({ reason: messageOf(error) }, 'query not ended'))
  }
}

type Act<T> = (session: Session, sql: string) => Promise<T>

/** What an execution needs around it, as statements. */
function contextOf({ database, roles, settings, parameters }: Execution): string {
  const role = roles.length === 0 ? '' : `SET ROLE ${roles.map(quoteIdentifier).join(', ')};\n`
  const assignments = [
    ...[...parameters].map(([name, value]) => `param_${name} = ${quoteString(value)}`),
    ...[...settings].map(([name, value]) => `${name} = ${quoteString(value)}`),
  ]
  const set = assignments.length === 0 ? '' : `SET ${assignments.join(', ')};\n`
  return `USE ${quoteIdentifier(database)};\n${role}${set}`
}

/** The engine makes up its own query ids, so ours is the comment of its log. */
const named = (id: string): string => `SET log_comment = ${quoteString(id)}`

/** The statement that gives a session its settings back: those of a request hold for that request alone. */
async function settingsOf(session: Session, names: readonly string[]): Promise<string> {
  if (names.length === 0) return ''
  const list = names.map(quoteString).join(', ')
  const sql = `SELECT name, value, changed FROM system.settings WHERE name IN (${list})`
  const result = await session.queryAsync(sql, { format: 'JSONCompactEachRow' })
  const rows = result
    .text()
    .split('\n')
    .filter((line) => line !== '')
  const assignments = rows.map((line) => {
    const [name, value, changed] = z.tuple([z.string(), z.string(), z.number()]).parse(JSON.parse(line))
    return `${name} = ${changed === 1 ? quoteString(value) : 'DEFAULT'}`
  })
  return assignments.length === 0 ? '' : `SET ${assignments.join(', ')}`
}

const statistics = (result: ChdbResult): Statistics => ({
  rows: result.rowsRead,
  bytes: result.bytesRead,
  elapsedNs: Math.round(result.elapsed * 1e9),
})
