import { DriftlineError } from '../../core/errors.ts'

/** What can be wrong with a model of unknown origin: it is no model, it does what none may do, or it takes too much. */
export type Fault = 'MODEL_INVALID' | 'MODEL_UNSAFE' | 'MODEL_TOO_COSTLY' | 'MODEL_CRASHED'

/** @throws DriftlineError always */
export function refuse(fault: Fault, file: string, reason: string, cause?: unknown): never {
  throw new DriftlineError(fault, { reason, file }, { cause })
}
