import { DriftlineError, messageOf } from '../../core/errors.ts'
import type { FromProof, ProofOrder } from './protocol.ts'
import { tryModel } from './try-model.ts'

// The process that tries a model: it says each step before it is taken, and then waits to be killed.

const order: ProofOrder = JSON.parse(process.argv[2] ?? '')
// Resolved once the message is with the other side: the next step may never come back.
const send = (message: FromProof) =>
  new Promise<void>((resolve, reject) => {
    process.send?.(message, (error: Error | null) => (error === null ? resolve() : reject(error)))
  })
// Nobody waits for the outcome any more.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))

try {
  await send({ kind: 'passed', findings: await tryModel(order, (step) => send({ kind: 'step', step })) })
} catch (error) {
  const { code, details } =
    error instanceof DriftlineError ? error : { code: undefined, details: { reason: messageOf(error) } }
  await send({ kind: 'failed', ...(code === undefined ? {} : { code }), details: { ...details } })
}
