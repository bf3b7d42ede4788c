import { execFileSync } from 'node:child_process'

/** Before all tests: builds dist/, and gives every process of theirs what bin/driftline.js sets. */
export default function setup(): void {
  process.env.ORT_DISABLE_TELEMETRY = '1'
  execFileSync(process.execPath, ['bin/build.js'], { stdio: ['ignore', 'inherit', 'inherit'] })
}
