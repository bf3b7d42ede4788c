import { lstat, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import { DriftlineError, messageOf } from '../../core/errors.ts'
import { manifestFile } from '../model-directory.ts'
import { type Disk, draftName, entries, ownerOf, unlessMissing } from '../registry/disk.ts'
import { longestPublicationMs } from '../registry/store.ts'

// The folder that an import makes, and what lies beside it meanwhile: `.<name>.draft-<owner>` is being written, and
// `.<name>.draft-<owner>.old` is the directory that was there before, from the moment in which it steps aside until it is removed.

const asideSuffix = '.old'
const draftPrefix = (out: string): string => `.${basename(out)}.draft-`

/** Where a directory is written that is to become `out`. */
export const draftOf = (out: string): string => join(dirname(out), `${draftPrefix(out)}${draftName()}`)

export interface OutOptions {
  readonly force: boolean
  readonly clock: Clock
  /** See `ImportOptions`. */
  readonly note: (text: string) => void
}

/**
 * Sees to what killed imports left beside `out`, and then that it may be made.
 *
 * @throws DriftlineError `USAGE`
 */
export async function prepareOut(out: string, { force, clock, note }: OutOptions): Promise<void> {
  try {
    await recover(out, clock, note)
  } catch (error) {
    throw new DriftlineError('USAGE', { reason: messageOf(error), out }, { cause: error })
  }
  await checkFree(out, force)
}

/**
 * Puts back the directory that stepped aside for one that never came, and removes the rest.
 *
 * What another machine left (a container has a name of its own each time) is put back as well: were it alive, it would be
 * between its two renames. It is removed when nothing happened to it for a day.
 */
async function recover(out: string, clock: Clock, note: (text: string) => void): Promise<void> {
  const folder = dirname(out)
  const [prefix, dayAgo] = [draftPrefix(out), clock.now() - longestPublicationMs]
  const left: { readonly path: string; readonly owner: 'gone' | 'elsewhere'; readonly changedMs: number }[] = []
  for (const name of await entries(folder)) {
    if (!name.startsWith(prefix)) continue
    const owner = ownerOf(name.slice(prefix.length))
    const path = join(folder, name)
    const { ctimeMs } = (await unlessMissing(stat(path))) ?? {}
    if (owner !== 'alive' && ctimeMs !== undefined) left.push({ path, owner, changedMs: ctimeMs })
  }
  const [last] = left.filter(({ path }) => path.endsWith(asideSuffix)).sort((a, b) => b.changedMs - a.changedMs)
  const isGone = (await unlessMissing(lstat(out))) === undefined
  if (isGone && last !== undefined) {
    await rename(last.path, out)
    note(`an earlier import was killed while it replaced ${out}: the model that was there is back`)
  }
  for (const { path, owner, changedMs } of left) {
    if ((isGone && path === last?.path) || (owner === 'elsewhere' && changedMs > dayAgo)) continue
    await rm(path, { recursive: true, force: true })
    note(`${basename(path)}, which an earlier import left behind, is removed`)
  }
}

/**
 * With `force` a model directory may be replaced, and nothing else: not a home folder by a slip of the keyboard.
 *
 * @throws DriftlineError `USAGE`
 */
export async function checkFree(out: string, force: boolean): Promise<void> {
  const entry = await lstat(out).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw new DriftlineError('USAGE', { reason: messageOf(error), out }, { cause: error })
  })
  if (entry === undefined) return
  if (!force) throw new DriftlineError('USAGE', { reason: '--out exists; --force replaces a model directory', out })
  const names = entry.isDirectory() ? await readdir(out) : undefined
  if (names === undefined || (names.length > 0 && !names.includes(manifestFile))) {
    throw new DriftlineError('USAGE', { reason: '--out exists and is no model directory; choose another', out })
  }
}

/** @throws DriftlineError `USAGE` when something that is not empty is there: a rename replaces nothing else */
export async function place(out: string, draft: string): Promise<void> {
  try {
    await rename(draft, out)
  } catch (error) {
    throw new DriftlineError('USAGE', { reason: messageOf(error), out }, { cause: error })
  }
}

/** The directory that is there steps aside, and is removed once the new one has its place. */
export async function replace(out: string, draft: string, disk: Disk): Promise<void> {
  const aside = `${draft}${asideSuffix}`
  if (disk.swapFolder(draft, out, aside)) await disk.remove(aside)
}
