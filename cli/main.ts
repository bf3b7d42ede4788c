import { Command, CommanderError } from 'commander'
import { packageVersion } from '../core/package-version.ts'
import { configCommand } from './config.ts'
import { dashboardCommand } from './dashboard.ts'
import { doctorCommand } from './doctor.ts'
import { driftCommand } from './drift.ts'
import { healthCommand } from './health.ts'
import { ingestCommand } from './ingest.ts'
import { labelsCommand } from './labels.ts'
import { modelsCommand } from './models.ts'
import { predictCommand } from './predict.ts'
import { scoreCommand } from './score.ts'
import { simulateCommand } from './simulate.ts'
import { sqlCommand } from './sql.ts'
import { storeCommand } from './store.ts'
import { trainCommand } from './train.ts'
import { demoCommand, upCommand } from './up.ts'
import { verifyCommand } from './verify.ts'

/** All verbs, in the order in which --help lists them. */
const verbs = [
  demoCommand,
  upCommand,
  ingestCommand,
  scoreCommand,
  driftCommand,
  dashboardCommand,
  storeCommand,
  predictCommand,
  trainCommand,
  modelsCommand,
  labelsCommand,
  simulateCommand,
  sqlCommand,
  verifyCommand,
  doctorCommand,
  healthCommand,
  configCommand,
]

const program = new Command('driftline')
  .description('Scores a live stream of short texts, watches for drift, retrains and hot-swaps the model.')
  .version(packageVersion)
  .showHelpAfterError('(add --help for the commands)')
  .exitOverride()

for (const makeVerb of verbs) program.addCommand(makeVerb().exitOverride())

try {
  await program.parseAsync()
} catch (error) {
  if (!(error instanceof CommanderError)) throw error
  process.exitCode = error.exitCode === 0 ? 0 : 2 // commander has printed the message
}
