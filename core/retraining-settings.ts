import { z } from 'zod'

const share = z.coerce.number().min(0).max(1)
const minutes = z.coerce.number().positive().max(1_000_000)
const count = z.coerce.number().int().min(1).max(100_000_000)

/** Settings of retraining, gates, canary and watch: a part of `configSchema`. */
export const retrainingSettings = {
  promotion: z
    .enum(['manual', 'auto'])
    .default('manual')
    .describe('Who makes a version that passed its gates champion: a person, or the drift job by canary and watch.'),
  retrainMinLabels: count.default(200).describe('Recent labels, held-out ones included, from which drift retrains.'),
  retrainRecentHours: z.coerce
    .number()
    .positive()
    .default(168)
    .describe('Hours of event time, back from the newest label, that count as recent; older labels are replayed.'),
  retrainHoldOut: share
    .default(0.3)
    .describe('Share of the recent labels, the newest, that training never sees and gates judge by.'),
  retrainReplay: share.default(0.3).describe('Most of the training posts that may be older ones, a share.'),
  retrainMaxPosts: count.default(20_000).describe('Most posts that a retraining trains on.'),
  retrainMaxMinutes: minutes.default(30).describe('Minutes after which a training ends with the best it has.'),
  retrainMaxPerDay: count.default(4).describe('Most trainings begun within 24 hours, those by hand included.'),
  retrainCoolDownMinutes: z.coerce
    .number()
    .min(0)
    .default(360)
    .describe('Minutes after the end of a retraining before drift starts another.'),
  retrainWorkers: z.coerce.number().int().min(1).max(64).default(2).describe('Threads that share a training batch.'),
  goldenSet: z
    .string()
    .min(1)
    .optional()
    .describe('JSON Lines of labelled posts that must not get worse; unset: a fifth of the older labels.'),
  gateMargin: share
    .default(0.02)
    .describe(
      'Loss on the golden set or on a slice that still passes a gate, as a share of macro-recall, F1 or accuracy.',
    ),
  gateSliceRows: count
    .default(30)
    .describe('Held-out posts from which on a class, language, source or length is judged.'),
  gateMaxEce: share.default(0.05).describe('Largest calibration error beyond what chance explains, a share.'),
  gateMaxSlowdown: z.coerce.number().positive().default(1.25).describe('Longest time a post, times the champion.'),
  canaryShare: share
    .default(0.1)
    .describe('Share of the posts that a canary scores before it is promoted; 0: no canary.'),
  canaryMinutes: z.coerce.number().min(0).default(30).describe('Least minutes that a canary takes.'),
  canaryPosts: count.default(500).describe('Least posts that a canary scores.'),
  watchMinutes: z.coerce
    .number()
    .min(0)
    .default(120)
    .describe('Minutes that a new champion is watched for a rollback.'),
  watchMargin: share
    .default(0.03)
    .describe('Accuracy, and estimated accuracy, that a new champion may lose before it is rolled back, a share.'),
  watchClassShift: share
    .default(0.15)
    .describe('Share of a class that may change against the canary before a new champion is rolled back.'),
} as const
