import { z } from 'zod'
import type { TrainingRow } from '../../../clickhouse/rows/trainings.ts'
import { gateNames } from '../../../models/gates/report.ts'

/** The steps of a retraining, in the order in which a good one takes them, and its ends. */
export const activeStates = ['selecting', 'training', 'gating', 'published', 'canary', 'promoted', 'watching'] as const
export const endStates = ['done', 'refused', 'rolled-back', 'failed'] as const
export type ActiveState = (typeof activeStates)[number]

const instant = z.iso.datetime()
const version = z.int().positive()
const rows = z.int().nonnegative()

/** What became of the labelled posts. */
export const DataFacts = z.strictObject({
  /** Trained on, replayed ones included. */
  train: rows,
  replayed: rows,
  heldOut: rows,
  /** Where the held-out slice begins, in event time. */
  heldOutFrom: instant,
  golden: rows,
  /** Not used: labels that contradict each other, texts that repeat, classes that the model does not have, no text. */
  leftOut: z.strictObject({ contradictory: rows, repeated: rows, foreign: rows, textless: rows, beyondCap: rows }),
})
export type DataFacts = z.infer<typeof DataFacts>

/** What the trainer was at when it last told. */
export const TrainerProgress = z.strictObject({
  pid: z.int().positive(),
  phase: z.string(),
  at: instant,
  /** While weights are being trained. */
  epoch: z.int().positive().optional(),
  step: z.int().optional(),
  totalSteps: z.int().optional(),
  remainingMs: z.number().optional(),
})
export type TrainerProgress = z.infer<typeof TrainerProgress>

/** What a new champion is expected to go on doing, as its canary did it (or, without a canary, the hold-out). */
export const Expectation = z.strictObject({
  posts: rows,
  /** Mean confidence; it is calibrated, so it estimates accuracy. */
  confidence: z.number().min(0).max(1),
  /** Share of each class among its answers. */
  classes: z.record(z.string(), z.number().min(0).max(1)),
})
export type Expectation = z.infer<typeof Expectation>

/** A row of table `trainings`, for a step that was taken. */
const StepRow = z.strictObject({
  training_id: z.string(),
  step: z.int().positive(),
  at: z.int(),
  model_name: z.string(),
  state: z.string(),
  reason: z.string(),
  started_by: z.string(),
  check_id: z.string(),
  promotion: z.string(),
  from_version: z.int(),
  to_version: z.int(),
  holder: z.string(),
  labels: rows,
  replayed: rows,
  held_out: rows,
  golden: rows,
  left_out: rows,
  gates_failed: z.array(z.string()).readonly(),
  step_ms: rows,
}) satisfies z.ZodType<TrainingRow>

/** One retraining, from the reason for it to its end. */
export const Retraining = z.strictObject({
  id: z.string().min(1),
  state: z.enum([...activeStates, ...endStates]),
  /** Why it is in this state. */
  reason: z.string(),
  since: instant,
  /** Steps taken so far. */
  step: z.int().positive(),
  startedAt: instant,
  /** A person, or `drift`. */
  by: z.string().min(1),
  /** The check that asked; '' when a person did. */
  checkId: z.string(),
  /** Labels contradicted the estimate, so older labels may say what is no longer true. */
  meaningChanged: z.boolean(),
  promotion: z.enum(['manual', 'auto']),
  seed: z.int(),
  /** The champion that it goes on from. */
  champion: version,
  candidate: version.nullable(),
  data: DataFacts.nullable(),
  progress: TrainerProgress.nullable(),
  /** `null` until it was judged. */
  gatesFailed: z.array(z.enum(gateNames)).nullable(),
  /** Set with the canary, or with the promotion where there is none. */
  expected: Expectation.nullable(),
  promotedAt: instant.nullable(),
})
export type Retraining = z.infer<typeof Retraining>

/**
 * Document `retraining` of a model: the one that runs or ran last. Whoever holds the lease takes its next step; each step
 * is one write that succeeds only from the state before, and what a step does may be done twice. So a process that is
 * killed anywhere leaves a state from which the next tick goes on.
 */
export const RetrainingDocument = z.strictObject({
  schema: z.literal(1),
  /** `null`: none has ever been started. */
  current: Retraining.nullable(),
  /** When trainings began, of the last day: what they may cost is capped. */
  begun: z.array(instant),
  /** Rows that table `trainings` may not have yet: ClickHouse may be away while a step is taken. */
  unrecorded: z.array(StepRow),
})
export type RetrainingDocument = z.infer<typeof RetrainingDocument>

export const documentKey = 'retraining'

export const isActive = (retraining: Retraining): retraining is Retraining & { readonly state: ActiveState } =>
  (activeStates as readonly string[]).includes(retraining.state)

/** It passed its gates, and a person has to promote it; until then, another retraining may begin. */
export const awaitsPerson = ({ state, promotion }: Retraining): boolean =>
  state === 'published' && promotion === 'manual'
