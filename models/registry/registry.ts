import { z } from 'zod'
import { DriftlineError } from '../../core/errors.ts'
import type { ModelDirectory } from '../model-directory.ts'
import type { Documents } from './documents.ts'
import type { Manifest } from './manifest.ts'
import type { Leftover } from './store.ts'

const versionNumber = z.int().positive()
export const aliasName = z.string().regex(/^[a-z][a-z0-9-]{0,63}$/)

/** All versions that are gone after this entry; their numbers are not given out again. */
const removed = z.array(versionNumber).default([])

/**
 * One move of an alias, written once. The moves of a model are numbered from 1 without a gap, and the last one says where
 * all of its aliases point: the audit log and the aliases are the same files, so neither can tell what the other does not.
 */
export const Change = z.strictObject({
  schema: z.literal(1),
  change: z.int().positive(),
  at: z.iso.datetime(),
  by: z.string().min(1),
  alias: aliasName,
  /** Where it pointed before; `null` for an alias that is new. */
  from: versionNumber.nullable(),
  to: versionNumber,
  reason: z.string(),
  /** It was moved to a version whose certificate or gates did not pass, on purpose. */
  forced: z.boolean(),
  /** All aliases after this move. */
  aliases: z.record(aliasName, versionNumber),
  removed,
})
export type Change = z.infer<typeof Change>

/**
 * The end of a version, in the same log under the same numbers: of an alias that is to point to a version and the removal
 * of that version one comes first, and the other sees it.
 */
export const Removal = z.strictObject({
  schema: z.literal(1),
  change: z.int().positive(),
  at: z.iso.datetime(),
  by: z.string().min(1),
  remove: versionNumber,
  reason: z.string().min(1),
  aliases: z.record(aliasName, versionNumber),
  removed,
})
export type Removal = z.infer<typeof Removal>

/**
 * A version is about to become a challenger, which the model's traffic tells, and not the log. The entry comes before the
 * traffic is written, so that a removal that has looked at the traffic before finds that the log went on, and looks again.
 */
export const Challenge = z.strictObject({
  schema: z.literal(1),
  change: z.int().positive(),
  at: z.iso.datetime(),
  by: z.string().min(1),
  challenge: versionNumber,
  reason: z.string(),
  aliases: z.record(aliasName, versionNumber),
  removed,
})
export type Challenge = z.infer<typeof Challenge>

export const LogEntry = z.union([Change, Removal, Challenge])
export type LogEntry = z.infer<typeof LogEntry>

/** Where the aliases of a model point. */
export interface Aliases {
  /** Number of the last change; 0 before the first. */
  readonly change: number
  readonly at: Readonly<Record<string, number>>
}

export interface AliasMove {
  /** Where the caller saw it point; `undefined` for nowhere. */
  readonly expected: number | undefined
  /** Who moves it. */
  readonly by: string
  readonly reason: string
  /** Also to a version whose certificate or gates did not pass; needs a reason. */
  readonly force?: boolean
}

export interface RemovalOrder {
  /** Who removes it. */
  readonly by: string
  readonly reason: string
  /** Versions that jobs run, as far as the caller knows. */
  readonly running?: readonly number[]
}

export interface ChallengeOrder {
  /** Who starts it. */
  readonly by: string
  readonly reason: string
}

export interface Published {
  readonly name: string
  readonly version: number
  /** False when the registry had this very version already. */
  readonly created: boolean
}

/**
 * Versions of models, each written once, and aliases that point to them. Any number of processes may use one at a time;
 * one that is killed leaves nothing half done that another could see.
 */
export interface Registry {
  /** What else changes about a model. `watch` tells of it too. */
  readonly documents: Documents
  /** Sorted; of models that have a version, or an alias, which a registry that is whole has only with one. */
  names(): Promise<readonly string[]>
  /**
   * Verifies a model directory and stores a copy as the next version of the model that its manifest names, under the
   * number that is free. What is stored already, file for file, keeps its number.
   *
   * @throws DriftlineError `MODEL_INVALID`
   */
  publish(directory: string): Promise<Published>
  /** In ascending order; empty for a name that is not known. */
  versions(name: string): Promise<readonly number[]>
  /** @throws DriftlineError `VERSION_UNKNOWN`, `MODEL_INVALID` */
  manifest(name: string, version: number): Promise<Manifest>
  /**
   * Loads a version and compares every file with the manifest.
   *
   * @throws DriftlineError `VERSION_UNKNOWN`, `MODEL_INVALID`, `SIGNATURE_MISSING` where signatures are required
   */
  open(name: string, version: number): Promise<ModelDirectory>
  aliases(name: string): Promise<Aliases>
  /**
   * Points an alias to a version, provided that it still points where the caller saw it. When `champion` moves,
   * `previous` takes its place in the same change.
   *
   * @throws DriftlineError `ALIAS_MOVED` when it points elsewhere, `VERSION_UNKNOWN`, `MODEL_INVALID` or
   *   `SIGNATURE_MISSING` when the version does not verify, `CERTIFICATE_MISSING` or `GATES_FAILED` for a version that these speak against and that is not forced
   */
  setAlias(name: string, alias: string, to: number, move: AliasMove): Promise<Change>
  /** The move that made this alias point where it does; reads no more of the log than lies after it. */
  lastMove(name: string, alias: string): Promise<Change | undefined>
  /** Every move of an alias, the oldest first. */
  audit(name: string): Promise<readonly Change[]>
  /**
   * Says in the log that a version is about to become a challenger. For `setChallenger`, which read the traffic before and
   * writes it after, provided that it has not moved: of that and a removal of the version one fails.
   *
   * @throws DriftlineError `VERSION_UNKNOWN` when it was removed
   */
  announceChallenger(name: string, version: number, order: ChallengeOrder): Promise<void>
  /** Moves, removals and challengers, the oldest first: entry `n` has number `n`, counted from 1. */
  log(name: string): Promise<readonly LogEntry[]>
  /**
   * Removes a version for good; its number is not given out again. Of a removal and whatever would begin to use that
   * version (see `usesOf`; but for the jobs that run it, which only the caller knows), one fails.
   *
   * @throws DriftlineError `VERSION_UNKNOWN`, `VERSION_IN_USE` with every use, `USAGE` without a reason
   */
  remove(name: string, version: number, order: RemovalOrder): Promise<Removal>
  /** What no version needs: left behind by publishers and removals that were killed. Never that of a living publisher. */
  leftovers(): Promise<readonly Leftover[]>
  /**
   * Calls `onChange` soon after an alias or a document may have moved. A hint, not a promise, and a bucket gives none:
   * whoever must not miss one asks as well.
   */
  watch(name: string, onChange: () => void, signal: AbortSignal): void
}

/** Where the aliases point after a move. */
export function moved(at: Aliases['at'], alias: string, to: number): Record<string, number> {
  const { champion } = at
  const previous = alias === 'champion' && champion !== undefined && champion !== to ? { previous: champion } : {}
  return { ...at, ...previous, [alias]: to }
}

/**
 * The manifest of a version, or what is wrong with it: one that is damaged keeps nobody from the others.
 *
 * @throws DriftlineError what says nothing about this version, such as `REGISTRY_UNAVAILABLE`
 */
export async function manifestOrDamage(
  registry: Registry,
  name: string,
  version: number,
): Promise<Manifest | DriftlineError> {
  try {
    return await registry.manifest(name, version)
  } catch (error) {
    if (error instanceof DriftlineError && error.code === 'MODEL_INVALID') return error
    throw error
  }
}

/**
 * Names become folders and keys of stores, so what is none is refused before it is a part of a path.
 *
 * @throws DriftlineError `USAGE`
 */
export function checkedName(name: string): string {
  if (aliasName.safeParse(name).success) return name
  const reason = `${JSON.stringify(name)} is no name: lower-case letters, digits and hyphens, from a letter on, at most 64`
  throw new DriftlineError('USAGE', { reason })
}
