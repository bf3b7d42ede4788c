import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command, CommanderError } from 'commander'
import { z } from 'zod'
import { packageRoot } from '../core/package-root.ts'
import { configCommand } from './config.ts'

const { version } = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')))

const program = new Command('driftline')
  .description('Scores a live stream of short texts, watches for drift, retrains and hot-swaps the model.')
  .version(version)
  .showHelpAfterError('(add --help for the commands)')
  .exitOverride()

for (const command of [configCommand()]) program.addCommand(command.exitOverride())

try {
  await program.parseAsync()
} catch (error) {
  if (!(error instanceof CommanderError)) throw error
  process.exitCode = error.exitCode === 0 ? 0 : 2 // commander has printed the message
}
