import { DriftlineError } from '../../core/errors.ts'

/** What can be wrong with a model of unknown origin: it is no model, it does what none may do, or it takes too much. */
const faults = ['MODEL_INVALID', 'MODEL_UNSAFE', 'MODEL_TOO_COSTLY', 'MODEL_CRASHED'] as const
export type Fault = (typeof faults)[number]

/** Whether an error says that a model is to blame. */
export const isFault = (error: unknown): error is DriftlineError & { readonly code: Fault } =>
  error instanceof DriftlineError && faults.some((fault) => fault === error.code)

/** @throws DriftlineError always */
export function refuse(fault: Fault, file: string, reason: string, cause?: unknown): never {
  throw new DriftlineError(fault, { reason, file }, { cause })
}
