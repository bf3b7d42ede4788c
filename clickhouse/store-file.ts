import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

/** Where the embedded ClickHouse of a data folder answers, written while it runs. */
export const StoreAddress = z.object({
  url: z.url(),
  user: z.string(),
  password: z.string(),
  pid: z.number().int(),
})

export type StoreAddress = z.infer<typeof StoreAddress>

/** The engine's folder; the working folder of its process. */
export const storeFolder = (data: string): string => join(data, 'store')

const addressFile = (data: string): string => join(data, 'store.json')

/** `undefined` when no store has written its address, or is writing it now. It may be that of a process that was killed. */
export function readStoreAddress(data: string): StoreAddress | undefined {
  try {
    return StoreAddress.parse(JSON.parse(readFileSync(addressFile(data), 'utf8')))
  } catch {
    return undefined
  }
}

export function writeStoreAddress(data: string, address: StoreAddress): void {
  const next = `${addressFile(data)}.${process.pid}`
  writeFileSync(next, `${JSON.stringify(address, null, 2)}\n`, { mode: 0o600 })
  renameSync(next, addressFile(data))
}

/** Only what this process wrote: another may have taken over. */
export function removeStoreAddress(data: string): void {
  if (readStoreAddress(data)?.pid === process.pid) rmSync(addressFile(data), { force: true })
}

/** The owner's password: made once, and kept in the store's folder, where only the owner of the files reads it. */
export function ownerPassword(data: string): string {
  const file = join(storeFolder(data), 'password')
  mkdirSync(storeFolder(data), { recursive: true, mode: 0o700 })
  try {
    writeFileSync(file, randomBytes(24).toString('base64url'), { flag: 'wx', mode: 0o600 })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
  return readFileSync(file, 'utf8')
}
