import { mkdirSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { type Database, open, type RootDatabase } from 'lmdb'
import { DriftlineError, messageOf } from '../../core/errors.ts'
import type { TopicInfo } from '../event-log.ts'

/** A topic and the number its partitions and chunks are filed under; a topic made anew gets a new number. */
export interface StoredTopic extends TopicInfo {
  readonly number: number
}

/** What a partition holds: `start` ≤ offset < `end`. */
export interface Head {
  readonly start: number
  readonly end: number
  /** Of all chunks. */
  readonly bytes: number
  /** When the first chunk was appended; without one, when the last was. */
  readonly oldestMs: number
}

export interface StoredPosition {
  readonly topicId: string
  readonly next: number
}

/**
 * Two LMDB environments in one folder. `records` is written by producers; `consumers` only holds positions, so that a
 * reader that commits one never waits for a producer's write lock.
 */
export interface Env {
  readonly folder: string
  readonly records: RootDatabase
  /** Name → topic. */
  readonly topics: Database<StoredTopic, string>
  /** [topic number, partition] → what it holds. */
  readonly heads: Database<Head, [number, number]>
  /** [topic number, partition, offset of the first record] → chunk. */
  readonly chunks: Database<Buffer, [number, number, number]>
  /** [producer, source partition] → checkpoint, in V8's serialisation because it may hold whatever `structuredClone` takes. */
  readonly producers: Database<Buffer, [string, string]>
  /** 'topics' → the number that the next topic gets. */
  readonly counters: Database<number, string>
  /** Numbers of deleted topics whose chunks are still to be removed → partitions. */
  readonly dropped: Database<number, number>
  readonly consumers: RootDatabase<StoredPosition, [string, string, number]>
}

/** @throws DriftlineError `LOG_UNAVAILABLE` */
export function openEnv(folder: string): Env {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    // 126 readers is LMDB's default; each process takes one slot per environment and thread. Slots of killed processes
    // are freed whenever one opens.
    const records = open<unknown, string>({
      path: join(folder, 'records'),
      maxDbs: 8,
      maxReaders: 512,
      overlappingSync: false,
    })
    return {
      folder,
      records,
      topics: records.openDB<StoredTopic, string>({ name: 'topics', encoding: 'json' }),
      heads: records.openDB<Head, [number, number]>({ name: 'heads', encoding: 'json' }),
      chunks: records.openDB<Buffer, [number, number, number]>({ name: 'chunks', encoding: 'binary' }),
      producers: records.openDB<Buffer, [string, string]>({ name: 'producers', encoding: 'binary' }),
      counters: records.openDB<number, string>({ name: 'counters', encoding: 'json' }),
      dropped: records.openDB<number, number>({ name: 'dropped', encoding: 'json' }),
      consumers: open<StoredPosition, [string, string, number]>({
        path: join(folder, 'consumers'),
        encoding: 'json',
        maxReaders: 512,
      }),
    }
  } catch (error) {
    throw new DriftlineError('LOG_UNAVAILABLE', { folder, reason: messageOf(error) }, { cause: error })
  }
}

/**
 * Runs `action` and turns what LMDB itself fails with (a full disk, which it calls an input/output error; no free reader
 * slot) into a retryable error. A bug of our own stays what it is.
 *
 * @throws DriftlineError `code`, with the space that is left
 */
export function guarded<Result>(env: Env, code: 'LOG_UNAVAILABLE' | 'SINK_UNAVAILABLE', action: () => Result): Result {
  try {
    return action()
  } catch (error) {
    const fromLmdb = error instanceof Error && 'code' in error && typeof error.code === 'number'
    if (!fromLmdb) throw error
    const { bavail, bsize } = statfsSync(env.folder)
    const details = { reason: error.message, folder: env.folder, freeMb: Math.floor((bavail * bsize) / 1e6) }
    throw new DriftlineError(code, details, { cause: error })
  }
}
