import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { DriftlineError } from '../../../core/errors.ts'
import { loadModelDirectory, type ModelDirectory, manifestFile } from '../../model-directory.ts'
import { abandonedDrafts, Disk, draftIn, entries, numbered } from '../disk.ts'
import type { Manifest } from '../manifest.ts'

/** Reads a file of a version from the store. */
export type Fetch = (file: string, bytes: number) => Promise<Uint8Array>

/**
 * Versions that were opened, as model directories on this machine: `<root>/<name>/<n>/`. Each is compared with its
 * manifest, file by file, whenever it is opened, and fetched again when it is not what the store has.
 */
export class Cache {
  readonly #root: string
  readonly #drafts: string
  readonly #disk = new Disk()

  constructor(root: string) {
    this.#root = root
    this.#drafts = join(root, '.drafts')
  }

  /** @throws DriftlineError `MODEL_INVALID` when what the store has is not what the manifest says */
  async open(manifest: Manifest, fetch: Fetch): Promise<ModelDirectory> {
    const path = this.#pathOf(manifest.name, manifest.version)
    if ((await this.#has(manifest)) === true) {
      try {
        const directory = await loadModelDirectory(path)
        if (isDeepStrictEqual(directory.manifest, manifest)) return directory
      } catch (error) {
        if (!(error instanceof DriftlineError && error.code === 'MODEL_INVALID')) throw error
      }
      await this.remove(manifest.name, manifest.version)
    }
    await this.#fill(path, manifest, fetch)
    return loadModelDirectory(path)
  }

  async #has({ name, version }: Manifest): Promise<boolean> {
    return (await this.versions(name)).includes(version)
  }

  async #fill(path: string, manifest: Manifest, fetch: Fetch): Promise<void> {
    const disk = this.#disk
    await disk.folder(this.#drafts)
    for (const draft of await abandonedDrafts(this.#drafts)) await disk.remove(draft)
    await disk.folder(join(this.#root, manifest.name))
    const draft = draftIn(this.#drafts)
    await disk.folder(draft)
    try {
      for (const [file, { bytes }] of Object.entries(manifest.files)) {
        await disk.write(join(draft, file), await fetch(file, bytes))
      }
      await disk.write(join(draft, manifestFile), `${JSON.stringify(manifest, null, 2)}\n`)
      await loadModelDirectory(draft)
      await disk.placeFolder(draft, path) // or another process was faster
    } finally {
      await disk.remove(draft)
    }
  }

  names = async (): Promise<readonly string[]> => (await entries(this.#root)).filter((name) => !name.startsWith('.'))

  versions = async (name: string): Promise<readonly number[]> => numbered(await entries(join(this.#root, name)), '')

  async remove(name: string, version: number): Promise<void> {
    await this.#disk.folder(this.#drafts)
    const away = draftIn(this.#drafts)
    if (await this.#disk.moveFolder(this.#pathOf(name, version), away)) await this.#disk.remove(away)
  }

  #pathOf = (name: string, version: number): string => join(this.#root, name, String(version))
}
