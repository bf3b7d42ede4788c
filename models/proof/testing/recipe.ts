import { createHash } from 'node:crypto'
import type { ErrorCode } from '../../../core/errors.ts'
import type { Random } from '../../../core/random.ts'

/** A model directory while it is made: file contents by name, and its manifest. */
export interface Draft {
  readonly files: Map<string, Uint8Array>
  readonly manifest: Record<string, unknown>
  /** Runs in the folder after the files are there: links, pipes, what the manifest does not say. */
  after?: (folder: string) => Promise<void>
  /** Changes the text of manifest.json, which then is not made to agree with the files. */
  manifestText?: (text: string) => string | Uint8Array
}

/** One way to make a model directory hostile. */
export interface Recipe {
  /** What it is about, for the table: `damage`, `graph`, `tokenizer` … */
  readonly group: string
  readonly name: string
  /** Codes of which one must come. */
  readonly refused: readonly ErrorCode[]
  /** It may be a model all the same: a byte that does not matter, with its hash made right. */
  readonly mayPass?: true
  /** It takes seconds of computing, or hundreds of megabytes, to find out: few of a corpus are of this kind. */
  readonly costly?: true
  make(draft: Draft, random: Random): void | Promise<void>
}

/** What a manifest says of a file. */
export const described = (content: Uint8Array) => ({
  sha256: createHash('sha256').update(content).digest('hex'),
  bytes: content.length,
})
