import { Argument } from 'commander'
import { systemClock } from '../core/clock.ts'
import type { Config } from '../core/config.ts'
import { messageOf } from '../core/errors.ts'
import { readStatuses } from '../core/status.ts'
import { runs, verb } from './command.ts'

interface Health {
  readonly healthy: boolean
  readonly detail: string
}

/** What a container asks of the process beside it. A job that waits for something outside is healthy: a restart would not help. */
export const healthCommand = () =>
  verb('health', 'whether one part of this machine answers: exit code 0 if so, 1 if not')
    .addArgument(new Argument('<part>', 'which part').choices(['ingest', 'score', 'drift', 'alerts', 'dashboard']))
    .option('--port <port>', 'port of the dashboard')
    .action(
      runs(async ({ config, json, signal }, _options, [part = '']) => {
        const health = part === 'dashboard' ? await ofDashboard(config, signal) : await ofJob(config, part)
        process.stdout.write(json ? `${JSON.stringify({ part, ...health })}\n` : `${part}: ${health.detail}\n`)
        return health.healthy ? 0 : 1
      }),
    )

async function ofJob({ data, replica }: Config, job: string): Promise<Health> {
  const files = await readStatuses(data, systemClock.now())
  const file = files.find((other) => other.job === job && other.replica === replica)
  if (file === undefined) return { healthy: false, detail: `has written no status in ${data}` }
  if (file.status === undefined) return { healthy: false, detail: `its status cannot be read: ${file.reason}` }
  const { state, reason } = file.status
  const said = reason === undefined ? state : `${state}: ${reason}`
  if (!file.answering) return { healthy: false, detail: `does not answer; its last words: ${said}` }
  return { healthy: state !== 'halted', detail: said }
}

async function ofDashboard({ port }: Config, signal: AbortSignal): Promise<Health> {
  try {
    const { ok, status } = await fetch(`http://127.0.0.1:${port}/livez`, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(3000)]),
    })
    return { healthy: ok, detail: ok ? 'answers' : `answers with ${status}` }
  } catch (error) {
    signal.throwIfAborted()
    return { healthy: false, detail: `does not answer on port ${port}: ${messageOf(error)}` }
  }
}
