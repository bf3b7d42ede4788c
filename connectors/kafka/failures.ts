import { DriftlineError } from '../../core/errors.ts'

/** The error codes of the protocol that we tell apart. */
export const kafkaErrors = {
  none: 0,
  offsetOutOfRange: 1,
  corruptMessage: 2,
  unknownTopicOrPartition: 3,
  leaderNotAvailable: 5,
  notLeader: 6,
  requestTimedOut: 7,
  messageTooLarge: 10,
  coordinatorLoading: 14,
  coordinatorNotAvailable: 15,
  notCoordinator: 16,
  notEnoughReplicas: 19,
  notEnoughReplicasAfterAppend: 20,
  illegalGeneration: 22,
  unknownMember: 25,
  rebalanceInProgress: 27,
  topicAuthorizationFailed: 29,
  groupAuthorizationFailed: 30,
  clusterAuthorizationFailed: 31,
  topicAlreadyExists: 36,
  invalidReplicationFactor: 38,
  notController: 41,
  outOfOrderSequence: 45,
  duplicateSequence: 46,
  invalidProducerEpoch: 47,
  unknownProducer: 59,
  fencedLeaderEpoch: 74,
  unknownLeaderEpoch: 75,
  offsetNotAvailable: 78,
  memberIdRequired: 79,
  unknownTopicId: 100,
  inconsistentTopicId: 103,
} as const

const names = new Map<number, string>(Object.entries(kafkaErrors).map(([name, code]) => [code, name]))

/** `notLeader (6)`. */
export const kafkaErrorName = (code: number): string => `${names.get(code) ?? 'error'} (${code})`

/** Leadership moved, or is about to: ask for metadata again. */
export const leadershipErrors: ReadonlySet<number> = new Set([
  kafkaErrors.unknownTopicOrPartition,
  kafkaErrors.leaderNotAvailable,
  kafkaErrors.notLeader,
  kafkaErrors.fencedLeaderEpoch,
  kafkaErrors.unknownLeaderEpoch,
  kafkaErrors.offsetNotAvailable,
  kafkaErrors.unknownTopicId,
  kafkaErrors.inconsistentTopicId,
])

type Unavailable = 'LOG_UNAVAILABLE' | 'SOURCE_UNAVAILABLE' | 'SINK_UNAVAILABLE'

/** An answer with an error code, as a failure that is tried again. */
export const refused = (code: Unavailable, what: string, error: number, details: object = {}): DriftlineError =>
  new DriftlineError(code, { reason: `Kafka refused ${what}: ${kafkaErrorName(error)}`, ...details })

/** The same failure under the code that its user expects. */
export function unavailableAs(code: Unavailable, error: unknown): unknown {
  if (!(error instanceof DriftlineError && error.retryable) || error.code === code) return error
  return new DriftlineError(code, error.details, { cause: error })
}
