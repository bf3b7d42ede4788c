import { z } from 'zod'

/** What a version was made of. A version that came from elsewhere has none. */
export const Lineage = z.strictObject({
  /** When the oldest and the newest post it was trained on were written; `null` where the posts have no times. */
  dataFrom: z.iso.datetime().nullable(),
  dataTo: z.iso.datetime().nullable(),
  /** Labelled posts it was trained on, those that decided when to stop included. */
  labels: z.int().nonnegative(),
  /** Posts whose own labels did not count: on these the new version learnt what older ones say. */
  replayed: z.int().nonnegative(),
  seed: z.int(),
  /** Version of the program. */
  codeVersion: z.string().min(1),
  /** The drift check that asked for it. */
  checkId: z.string().min(1).optional(),
  /** The command line that made it. */
  command: z.string().min(1).optional(),
})
export type Lineage = z.infer<typeof Lineage>

/** models/<...>/manifest.json: written once, never edited. */
export const Manifest = z.strictObject({
  schema: z.literal(1),
  name: z.string().regex(/^[a-z][a-z0-9-]{0,63}$/),
  version: z.int().positive(),
  /** The version this one was fine-tuned from. */
  parent: z.int().positive().nullable(),
  createdAt: z.iso.datetime(),
  /** Every file of the directory but this one. */
  files: z.record(
    z.string().regex(/^[\w][\w.-]*$/),
    z.strictObject({ sha256: z.string().regex(/^[0-9a-f]{64}$/), bytes: z.int().nonnegative() }),
  ),
  text: z.strictObject({
    /** Which normaliser of text/ runs before the tokenizer. */
    normaliser: z.enum(['none', 'social-1']),
    /** Longest input in tokens, special ones included; longer texts are cut. */
    maxTokens: z.int().min(1).max(8192),
  }),
  metrics: z.record(z.string(), z.number()),
  /** Distributions on labelled data when the version was made; drift compares with them. */
  reference: z.record(
    z.string(),
    z.strictObject({ edges: z.array(z.number()), counts: z.array(z.int().nonnegative()) }),
  ),
  license: z.string(),
  lineage: Lineage.optional(),
})

export type Manifest = z.infer<typeof Manifest>
