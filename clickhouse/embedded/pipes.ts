import { execFile } from 'node:child_process'
import { closeSync, constants, openSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'

/** A named pipe that the engine writes a result into: it goes no faster than it is read. */
export interface Pipe {
  /** Relative to the working folder. */
  readonly path: string
  readonly output: Readable
  /** Call when the writer is done: `output` ends once it is read to the end. */
  finish(): void
  /** Gives the pipe back; call when `output` has closed and the writer is done. */
  release(): void
}

/** Named pipes made beforehand, because making one takes a process (27 ms), and lent out again and again. */
export class Pipes {
  readonly #free: string[]

  private constructor(paths: string[]) {
    this.#free = paths
  }

  /** @param folder relative to the working folder, since ClickHouse reads `{}*?` in a path as a pattern */
  static async create(folder: string, count: number): Promise<Pipes> {
    const paths = Array.from({ length: count }, (_, at) => `${folder}/result-${at}`)
    await Promise.all(paths.map((path) => rm(path, { force: true })))
    await promisify(execFile)('mkfifo', ['-m', '600', ...paths])
    return new Pipes(paths)
  }

  /** There are as many pipes as the lane of readers is wide. */
  open(): Pipe {
    const path = this.#free.pop()
    if (path === undefined) throw new Error('more results at a time than pipes')
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    // A writer of our own keeps the reader from seeing an end before the engine has opened its side.
    const writer = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
    let finished = false
    return {
      path,
      output: new Socket({ fd: reader, readable: true, writable: false }),
      finish: () => {
        if (!finished) closeSync(writer)
        finished = true
      },
      release: () => {
        this.#free.push(path)
      },
    }
  }
}
