import { Command, CommanderError } from 'commander'
import { packageVersion } from '../core/package-version.ts'

/** All verbs, in the order in which --help lists them. Only the one that is asked for is loaded: all of them take 0.6 s. */
const verbs: Readonly<Record<string, () => Promise<() => Command>>> = {
  demo: async () => (await import('./up.ts')).demoCommand,
  up: async () => (await import('./up.ts')).upCommand,
  ingest: async () => (await import('./ingest.ts')).ingestCommand,
  score: async () => (await import('./score.ts')).scoreCommand,
  drift: async () => (await import('./drift.ts')).driftCommand,
  alerts: async () => (await import('./alerts.ts')).alertsCommand,
  dashboard: async () => (await import('./dashboard.ts')).dashboardCommand,
  store: async () => (await import('./store.ts')).storeCommand,
  predict: async () => (await import('./predict.ts')).predictCommand,
  train: async () => (await import('./train.ts')).trainCommand,
  models: async () => (await import('./models.ts')).modelsCommand,
  labels: async () => (await import('./labels.ts')).labelsCommand,
  simulate: async () => (await import('./simulate.ts')).simulateCommand,
  sql: async () => (await import('./sql.ts')).sqlCommand,
  verify: async () => (await import('./verify.ts')).verifyCommand,
  doctor: async () => (await import('./doctor.ts')).doctorCommand,
  health: async () => (await import('./health.ts')).healthCommand,
  config: async () => (await import('./config.ts')).configCommand,
}

const program = new Command('driftline')
  .description('Scores a live stream of short texts, watches for drift, retrains and hot-swaps the model.')
  .version(packageVersion)
  .showHelpAfterError('(add --help for the commands)')
  .exitOverride()

const asked = process.argv[2] ?? ''
const wanted = Object.hasOwn(verbs, asked) ? [asked] : Object.keys(verbs) // for the help, and to guess what was meant
for (const load of wanted.map((name) => verbs[name])) {
  if (load !== undefined) program.addCommand(throwing((await load())()))
}

/** Wrong use of a verb, or of a verb within it, is thrown to us: commander would end the process with 1. */
function throwing(command: Command): Command {
  for (const inner of command.commands) throwing(inner)
  return command.exitOverride()
}

try {
  await program.parseAsync()
} catch (error) {
  if (!(error instanceof CommanderError)) throw error
  process.exitCode = error.exitCode === 0 ? 0 : 2 // commander has printed the message
}
