import { z } from 'zod'

/** What a candidate must pass before it may become champion, in the order in which a report lists them. */
export const gateNames = ['fresh', 'golden', 'slices', 'calibration', 'speed', 'numbers'] as const
export type GateName = (typeof gateNames)[number]

/** The file in a version's directory that holds its report, and the page that people read instead. */
export const gateFiles = { report: 'gates.json', page: 'gates.html' } as const

const share = z.number().min(0).max(1)
const rows = z.int().nonnegative()
const instant = z.iso.datetime().nullable()

/** One requirement, what was measured, and what it was held against. */
export const Gate = z.strictObject({
  name: z.enum(gateNames),
  passed: z.boolean(),
  /** `null` where nothing could be measured; `reason` then says why. */
  value: z.number().nullable(),
  bound: z.number().nullable(),
  /** Of `value` and `bound`, such as `p`, `points of macro-recall`, `ECE`, `× champion`, `max |Δp|`. */
  unit: z.string(),
  /** One sentence with the numbers that decided. */
  reason: z.string().min(1),
})
export type Gate = z.infer<typeof Gate>

const Answers = z.strictObject({
  accuracy: share,
  macroRecall: share,
  /** Mean confidence. */
  confidence: share,
  /** Share of each class among the answers. */
  classes: z.record(z.string(), share),
})

/** Labelled posts that neither model was trained on, and both scored. */
const ComparedSet = z.strictObject({
  rows,
  /** Event times of the oldest and the newest post; `null` when the posts have none. */
  from: instant,
  to: instant,
  /** Where the posts came from, such as `labels` or a file. */
  source: z.string(),
  /** Each post weighted by 1 / selection probability. */
  champion: Answers,
  candidate: Answers,
})
export type ComparedSet = z.infer<typeof ComparedSet>

/** The posts that have one value of one property in common. */
const Slice = z.strictObject({
  by: z.enum(['class', 'lang', 'source', 'length']),
  value: z.string(),
  rows,
  /** F1 of a class, accuracy on any other slice. */
  champion: share,
  candidate: share,
  /** One-sided p of "the candidate is worse here", and the same corrected for the number of slices. */
  p: share,
  adjustedP: share,
  passed: z.boolean(),
})
export type Slice = z.infer<typeof Slice>

const ReliabilityBin = z.strictObject({ from: share, to: share, rows, confidence: share, accuracy: share })

/**
 * gates.json: why a candidate may become champion, or may not. Kept in the version's directory, by its manifest, like
 * every other file.
 */
export const GateReport = z
  .strictObject({
    schema: z.literal(1),
    candidate: z.strictObject({
      name: z.string(),
      /** The champion that it was compared with; `null` when there was none. */
      parent: z.int().positive().nullable(),
    }),
    evaluatedAt: z.iso.datetime(),
    /** Of all gates. */
    passed: z.boolean(),
    gates: z.array(Gate),
    data: z.strictObject({
      fresh: ComparedSet.nullable(),
      golden: ComparedSet.nullable(),
      slices: z.array(Slice),
      /** The candidate's, on the fresh hold-out. */
      reliability: z.array(ReliabilityBin),
      /** Milliseconds a post of champion and candidate in turns, one value a round. */
      speed: z.strictObject({ champion: z.array(z.number().positive()), candidate: z.array(z.number().positive()) }),
    }),
  })
  .refine(({ gates }) => gates.map(({ name }) => name).join() === gateNames.join(), 'every gate stands there once')
  .refine(({ passed, gates }) => passed === gates.every((gate) => gate.passed), 'it passed exactly if every gate did')
export type GateReport = z.infer<typeof GateReport>

/** The gates that a candidate did not pass; none for one that may be promoted. */
export const failedGates = ({ gates }: GateReport): readonly GateName[] =>
  gates.filter(({ passed }) => !passed).map(({ name }) => name)
