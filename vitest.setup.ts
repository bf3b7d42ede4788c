import { execFileSync } from 'node:child_process'

export default function setup(): void {
  execFileSync(process.execPath, ['bin/build.js'], { stdio: ['ignore', 'inherit', 'inherit'] })
}
