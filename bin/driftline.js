#!/usr/bin/env node
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

// onnxruntime from 1.29 on tells Microsoft the names and hashes of the models that run here, and keeps an id of this machine, unless
// this is set before it is loaded. Every other process inherits it.
process.env.ORT_DISABLE_TELEMETRY ??= '1'

const main = new URL('../dist/cli/main.js', import.meta.url)
if (existsSync(fileURLToPath(main))) {
  await import(main.href)
} else {
  console.error('driftline: not built yet. Run `npm install` (or `npm run build`) in the checkout first.')
  process.exitCode = 1
}
