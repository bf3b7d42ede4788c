#!/usr/bin/env node
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const main = new URL('../dist/cli/main.js', import.meta.url)
if (existsSync(fileURLToPath(main))) {
  await import(main.href)
} else {
  console.error('driftline: not built yet. Run `npm install` (or `npm run build`) in the checkout first.')
  process.exitCode = 1
}
