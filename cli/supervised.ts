/**
 * Calls `stop` when the supervisor that started this process is gone, even if it was killed: its end of the IPC
 * channel closes with it. Without a supervisor there is no channel, and nothing happens.
 */
export function onSupervisorGone(stop: () => void): void {
  if (process.channel === undefined || process.channel === null) {
    if (isSupervised()) stop() // it was killed while this program was still being loaded
    return
  }
  process.once('disconnect', stop)
  process.channel.unref() // listening must not keep a finished process alive
}

/** Whether `driftline up` started this process, and so takes care of the others too. */
export const isSupervised = (): boolean => process.env.DRIFTLINE_SUPERVISED === '1'
