import { existsSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder that holds package.json: SQL, the page and the bundled model are found from here, built or not. */
export const packageRoot = findRoot(dirname(fileURLToPath(import.meta.url)))

function findRoot(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder
  const parent = dirname(folder)
  if (parent === folder) throw new Error('package.json not found above the program')
  return findRoot(parent)
}

/**
 * The built file for a module that starts in a thread or a process of its own. Node 20 cannot run TypeScript, so
 * sources under test start their workers from `dist/`, which `npm test` builds first.
 *
 * @param importer `import.meta.url` of the caller
 * @param sibling path without extension, relative to the caller, such as `./worker`
 */
export function builtModule(importer: string, sibling: string): string {
  const folder = relative(packageRoot, dirname(fileURLToPath(importer)))
  const inDist = folder === 'dist' || folder.startsWith(join('dist', '/')) ? folder : join('dist', folder)
  return join(packageRoot, inDist, `${sibling}.js`)
}
