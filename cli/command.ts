import { Command } from 'commander'
import { type Config, type LoadedConfig, loadConfig } from '../core/config.ts'
import { DriftlineError, messageOf } from '../core/errors.ts'
import { createLog, type Log } from '../core/log.ts'
import { onSupervisorGone } from './supervised.ts'

/** What every verb gets. */
export interface Context {
  readonly config: Config
  readonly loaded: LoadedConfig
  readonly log: Log
  /** Data goes to stdout as JSON instead of text. */
  readonly json: boolean
  /** Aborted by Ctrl-C or SIGTERM; a second Ctrl-C ends the process at once. */
  readonly signal: AbortSignal
}

/** A verb with the options that all share. Data goes to stdout, progress to stderr. */
export function verb(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option('--data <folder>', 'data folder (DRIFTLINE_DATA)')
    .option('--log-level <level>', 'trace, debug, info, warn, error or silent')
    .option('--json', 'print data as JSON')
    .showHelpAfterError('(add --help for the options)')
}

/**
 * Ends the process by the signal itself. `process.exit` would first end the worker threads, and onnxruntime aborts the
 * process, with a core dump, when a thread that is in a run is ended.
 */
function endAtOnce(signal: NodeJS.Signals): void {
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
}

/**
 * Runs a verb's action with its configuration, and turns what it throws into a message, a hint and an exit code:
 * 0 ok, 1 failed, 2 wrong use, 130 interrupted.
 *
 * @param action returns the exit code, or nothing for 0
 */
export function runs<Options extends Record<string, unknown>>(
  action: (context: Context, options: Options, args: readonly string[]) => Promise<number | undefined>,
): (...parameters: unknown[]) => Promise<void> {
  return async (...parameters) => {
    const command = parameters.at(-1) as Command
    const [misspelt] = command.commands.length > 0 ? command.args : []
    if (misspelt !== undefined) command.error(`error: unknown command '${misspelt}'`)
    const options = command.optsWithGlobals<Options & { json?: boolean }>()
    const stop = new AbortController()
    const onSignal = (name: NodeJS.Signals) => {
      if (stop.signal.aborted) endAtOnce(name)
      stop.abort(new Error(`stopped by ${name}`))
    }
    // A reader that has seen enough (`driftline … | head`) stops the command and is no failure.
    const pipeClosed = new Error('stdout was closed')
    let lost = false
    const onOutputError = (error: NodeJS.ErrnoException) => {
      stop.abort(pipeClosed)
      if (error.code === 'EPIPE' || lost) return
      lost = true // a full disk, say: what was asked for is not there
      process.stderr.write(`driftline: the output cannot be written: ${error.message}\n`)
      process.exitCode = 1
    }
    process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
    process.stdout.on('error', onOutputError)
    onSupervisorGone(() => stop.abort(new Error('stopped because the supervisor is gone')))
    const json = options.json === true
    try {
      const loaded = loadConfig(options)
      const log = createLog(command.name(), loaded.config.logLevel)
      const context = { config: loaded.config, loaded, log, json, signal: stop.signal }
      const code = (await action(context, options, command.args)) ?? 0
      if (!lost) process.exitCode = code
    } catch (error) {
      if (lost) process.exitCode = 1
      else if (stop.signal.reason === pipeClosed) process.exitCode = 0
      else if (stop.signal.aborted && error === stop.signal.reason) process.exitCode = 130
      else report(error, json)
    } finally {
      process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
    }
  }
}

function report(error: unknown, json: boolean): void {
  const known = error instanceof DriftlineError ? error : undefined
  process.exitCode = known?.code === 'USAGE' || known?.code === 'CONFIG_INVALID' ? 2 : 1
  if (json) {
    const { code, hint, details } = known ?? {}
    process.stderr.write(`${JSON.stringify({ error: messageOf(error), code, hint, details })}\n`)
    return
  }
  process.stderr.write(`driftline: ${messageOf(error)}\n`)
  if (known !== undefined) process.stderr.write(`  ${known.hint} (${known.code}; docs/errors.md)\n`)
  else if (error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`)
}
