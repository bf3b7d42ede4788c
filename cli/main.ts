import { Command, CommanderError } from 'commander'
import { packageVersion } from '../core/package-version.ts'
import { configCommand } from './config.ts'
import { dashboardCommand } from './dashboard.ts'
import { ingestCommand } from './ingest.ts'
import { predictCommand } from './predict.ts'
import { sqlCommand } from './sql.ts'
import { storeCommand } from './store.ts'
import { trainCommand } from './train.ts'

const program = new Command('driftline')
  .description('Scores a live stream of short texts, watches for drift, retrains and hot-swaps the model.')
  .version(packageVersion)
  .showHelpAfterError('(add --help for the commands)')
  .exitOverride()

for (const command of [
  configCommand(),
  dashboardCommand(),
  ingestCommand(),
  predictCommand(),
  sqlCommand(),
  storeCommand(),
  trainCommand(),
])
  program.addCommand(command.exitOverride())

try {
  await program.parseAsync()
} catch (error) {
  if (!(error instanceof CommanderError)) throw error
  process.exitCode = error.exitCode === 0 ? 0 : 2 // commander has printed the message
}
