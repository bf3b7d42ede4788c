import { existsSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** Folders of retrainings that have ended, kept so that somebody can look at what the newest were trained on. */
const kept = 3

const folderOfAll = (data: string): string => join(data, 'retraining')

/** Posts, candidate and reports of a retraining while it runs. What counts of it later is in the registry. */
export const retrainingFolder = (data: string, id: string): string => join(folderOfAll(data), id)

/**
 * Removes the folders of retrainings before this one but the newest: each holds texts of posts and a model or two. Ids begin
 * with the time, so their order is that of their beginnings; one that began later, of another model, is left alone.
 */
export async function removeOldFolders(data: string, id: string): Promise<void> {
  if (!existsSync(folderOfAll(data))) return
  const before = (await readdir(folderOfAll(data))).filter((name) => name < id).sort()
  for (const name of before.slice(0, Math.max(0, before.length - (kept - 1)))) {
    await rm(retrainingFolder(data, name), { recursive: true, force: true })
  }
}
