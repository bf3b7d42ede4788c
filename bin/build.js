#!/usr/bin/env node
// Compiles the sources and the page into dist/. A packed installation has no sources and no compiler, and needs neither.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const compiler = join(root, 'node_modules/typescript/bin/tsc')
if (!existsSync(join(root, 'tsconfig.json'))) process.exit(0)
if (!existsSync(compiler)) {
  console.error('driftline: the build needs its development dependencies; run `npm install` without --omit=dev.')
  process.exit(1)
}

const step = (/** @type {string[]} */ ...args) => {
  const { status, error } = spawnSync(process.execPath, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
  if (error !== undefined || status !== 0) {
    console.error(`driftline: build failed in \`${args.join(' ')}\``)
    process.exit(1)
  }
}

step(compiler, '--project', 'tsconfig.build.json')
if (existsSync(join(root, 'dashboard/web'))) {
  step(join(root, 'node_modules/vite/bin/vite.js'), 'build', 'dashboard/web', '--logLevel', 'warn')
}
removeOrphans()

/** Drops compiled files whose source is gone, so that nothing stale is tested or packed. */
function removeOrphans(folder = '') {
  const dist = join(root, 'dist')
  for (const entry of readdirSync(join(dist, folder), { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (path === 'web') continue
    if (entry.isDirectory()) removeOrphans(path)
    else if (!existsSync(join(root, path.replace(/\.js(\.map)?$/, '.ts')))) rmSync(join(dist, path))
  }
}
