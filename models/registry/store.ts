import type { ModelDirectory } from '../model-directory.ts'
import type { Documents } from './documents.ts'
import type { Manifest } from './manifest.ts'
import type { LogEntry } from './registry.ts'

/**
 * Where a registry is kept. A store has one power on which everything else is built: to give something finished a number
 * that is free, in one step which fails when the number is taken. Names are checked before they get here.
 */
export interface Store {
  readonly documents: Documents
  /** In any order; some may have no version. */
  names(): Promise<readonly string[]>
  /** Versions that are whole, in ascending order. */
  versions(name: string): Promise<readonly number[]>
  /** Of a version that is there. @throws DriftlineError `MODEL_INVALID` */
  manifest(name: string, version: number): Promise<Manifest>
  /** Loads and verifies a version that is there. @throws DriftlineError `MODEL_INVALID` */
  open(name: string, version: number): Promise<ModelDirectory>
  /** Copies a model to where nobody sees it yet. */
  draft(directory: ModelDirectory): Promise<Draft>
  /** The highest number in the log; 0 for an empty one. */
  lastEntry(name: string): Promise<number>
  /** An entry that is there. @throws DriftlineError `REGISTRY_INVALID` */
  entry(name: string, change: number): Promise<LogEntry>
  /** Puts an entry at the end of the log. @returns false when its number is taken */
  append(name: string, entry: LogEntry): Promise<boolean>
  /** Takes a version away, whose end the log tells already. It is gone at once, or is still there as a whole. */
  take(name: string, version: number): Promise<void>
  /** What publishers that are gone left behind. */
  abandoned(): Promise<readonly Leftover[]>
  watch(name: string, onChange: () => void, signal: AbortSignal): void
}

/**
 * A publisher of another machine that wrote nothing for so long is taken for gone. One that is alive gives up by itself in
 * half the time, so it is never disturbed.
 */
export const longestPublicationMs = 24 * 3_600_000

/** A copy of a model that is to become a version. */
export interface Draft {
  /** Makes it a version under a number. @returns false when the number is taken */
  place(version: number): Promise<boolean>
  /** Removes what was not placed. */
  discard(): Promise<void>
}

/** Something that no version needs. */
export interface Leftover {
  /** For people. */
  readonly what: string
  remove(): Promise<void>
}
