import { randomUUID } from 'node:crypto'
import { constants, renameSync } from 'node:fs'
import { copyFile, link, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'

/** The kinds of steps that change the disk. */
export type DiskStep = 'mkdir' | 'copy' | 'write' | 'sync' | 'rename' | 'link' | 'remove'

/** Durable steps on files: each is on the disk when its promise resolves, or was not taken at all. */
export class Disk {
  readonly #before: (step: DiskStep) => void

  /** @param before told of each step before it is taken; tests end the process there */
  constructor(before: (step: DiskStep) => void = () => undefined) {
    this.#before = before
  }

  /** Makes a folder and those above it, durably. */
  async folder(path: string): Promise<void> {
    this.#before('mkdir')
    const topmost = await mkdir(path, { recursive: true })
    if (topmost === undefined) return
    for (let folder = path; folder.length >= topmost.length; folder = dirname(folder)) await this.sync(dirname(folder))
  }

  async copy(from: string, to: string): Promise<void> {
    this.#before('copy')
    await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
    await this.sync(to)
  }

  /** Writes a file that nobody looks at yet. */
  async write(path: string, content: string | Uint8Array): Promise<void> {
    this.#before('write')
    const file = await open(path, 'w')
    try {
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
  }

  /** Of a file, its content; of a folder, the names in it. */
  async sync(path: string): Promise<void> {
    this.#before('sync')
    const handle = await open(path, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  }

  /** Moves a finished folder to a name that is free. @returns false when the name is taken */
  async placeFolder(draft: string, path: string): Promise<boolean> {
    this.#before('rename')
    if (!(await unlessTaken(() => rename(draft, path)))) return false
    await this.sync(dirname(path))
    return true
  }

  /** Renames a folder. @returns false when it is gone */
  async moveFolder(from: string, to: string): Promise<boolean> {
    this.#before('rename')
    if ((await unlessMissing(rename(from, to).then(() => true))) === undefined) return false
    await this.sync(dirname(to))
    return true
  }

  /**
   * Puts a finished folder in the place of another, which steps aside, and comes back when that fails. The system has no one
   * step for it that Node can take, so the two renames follow each other at once: a kill falls between them only within
   * these microseconds. The folder above is not synced.
   *
   * @returns false when there was none to step aside
   */
  swapFolder(draft: string, path: string, aside: string): boolean {
    this.#before('rename')
    const stepped = renamedNow(path, aside)
    this.#before('rename')
    try {
      renameSync(draft, path)
    } catch (error) {
      if (stepped) renamedNow(aside, path)
      throw error
    }
    return stepped
  }

  /** Gives a finished file a name that is free: unlike a rename, a link never replaces. @returns false when it is taken */
  async placeFile(draft: string, path: string): Promise<boolean> {
    this.#before('link')
    if (!(await unlessTaken(() => link(draft, path)))) return false
    await this.sync(dirname(path))
    return true
  }

  async remove(path: string): Promise<void> {
    this.#before('remove')
    await rm(path, { recursive: true, force: true })
  }
}

/** @returns false when there is nothing to rename */
function renamedNow(from: string, to: string): boolean {
  try {
    renameSync(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

async function unlessTaken(place: () => Promise<void>): Promise<boolean> {
  try {
    await place()
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' || code === 'ENOTEMPTY') return false
    throw error
  }
}

const separator = '~'
const here = hostname().replaceAll(/[^\w.-]/g, '-')

/** A name for something half done, which says whose it is. */
export const draftName = (): string => [here, process.pid, randomUUID()].join(separator)

export const draftIn = (folder: string): string => join(folder, draftName())

/** What processes of this machine that are gone left half done in `folder`. */
export async function abandonedDrafts(folder: string): Promise<string[]> {
  const names = await entries(folder)
  return names.filter((name) => ownerOf(name) === 'gone').map((name) => join(folder, name))
}

/** What processes of other machines are at in `folder`, or were. */
export async function draftsElsewhere(folder: string): Promise<string[]> {
  const names = await entries(folder)
  return names.filter((name) => ownerOf(name) === 'elsewhere').map((name) => join(folder, name))
}

/** Whether the process that a draft is named after still runs, which only its own machine can tell. */
export function ownerOf(draft: string): 'alive' | 'gone' | 'elsewhere' {
  const [host, pid] = draft.split(separator)
  if (host !== here) return 'elsewhere'
  return isAlive(Number(pid)) ? 'alive' : 'gone'
}

/** Names in a folder; none when there is no folder. */
export const entries = async (folder: string): Promise<string[]> => (await unlessMissing(readdir(folder))) ?? []

/** `undefined` for a file or folder that is not there. */
export async function unlessMissing<Result>(step: Promise<Result>): Promise<Result | undefined> {
  try {
    return await step
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Numbers from 1 on among names, in ascending order. @param suffix what follows each number */
export const numbered = (names: readonly string[], suffix: string): number[] =>
  names
    .filter((name) => name.endsWith(suffix))
    .map((name) => name.slice(0, name.length - suffix.length))
    .filter((name) => /^[1-9]\d*$/.test(name))
    .map(Number)
    .sort((a, b) => a - b)

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}
