import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { ProofReport } from './report.ts'

/** Where the proofs of a data folder are. */
export const proofsFolder = (data: string): string => join(data, 'proofs')

/**
 * Proofs that passed, in files of the data folder, so that what one command has proved no other needs to prove again. They never
 * come from a model's own directory, where whoever made the model could have put them.
 */
export class Proofs {
  readonly #folder: string
  readonly #log: Log

  constructor(folder: string, log: Log) {
    this.#folder = folder
    this.#log = log
  }

  /** A file that is missing or that no proof can be read from counts as none: the model is proved again. */
  async find(key: string, provider: ProofReport['provider']): Promise<ProofReport | undefined> {
    let text: string
    try {
      text = await readFile(this.#path(key, provider), 'utf8')
    } catch {
      return undefined
    }
    try {
      const report = ProofReport.parse(JSON.parse(text))
      if (report.key === key && report.provider === provider) return report
    } catch (error) {
      this.#log.warn({ reason: messageOf(error), file: this.#path(key, provider) }, 'a proof cannot be read')
    }
    return undefined
  }

  /** A folder that cannot be written costs only time: the proof is made again. */
  async keep(report: ProofReport): Promise<void> {
    const path = this.#path(report.key, report.provider)
    try {
      await mkdir(this.#folder, { recursive: true })
      const draft = `${path}.${randomUUID()}.draft`
      await writeFile(draft, `${JSON.stringify(report, null, 2)}\n`)
      await rename(draft, path)
    } catch (error) {
      this.#log.warn({ reason: messageOf(error), file: path }, 'a proof cannot be kept')
    }
  }

  #path = (key: string, provider: string): string => join(this.#folder, `${key}.${provider}.json`)
}
