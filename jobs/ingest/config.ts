import { z } from 'zod'
import { driftKinds } from '../../connectors/demo.ts'
import { formats } from '../../connectors/files.ts'

/** What `driftline ingest` is told beyond the configuration. */
export const IngestOptions = z.object({
  format: z.enum(formats).optional().describe('jsonl or csv; default: by the file name, for stdin jsonl.'),
  source: z.string().min(1).max(64).optional().describe('Source of posts that name none; default: the file name.'),
  rate: z.coerce.number().positive().max(1_000_000).optional().describe('Most posts per second.'),
  limit: z.coerce.number().int().positive().optional().describe('End after so many rows of each input.'),
  seed: z.coerce.number().int().optional().describe('Seed of the demo stream.'),
  drift: z
    .string()
    .transform((kinds) => kinds.split(','))
    .pipe(z.array(z.enum(driftKinds)).min(1))
    .optional()
    .describe('What shifts in the demo stream: vocabulary, mix, meaning, or several with commas.'),
  driftAt: z.coerce.number().nonnegative().default(60).describe('Second of the demo stream at which the shift begins.'),
  driftOver: z.coerce.number().nonnegative().default(0).describe('Seconds that the shift takes; 0: at once.'),
})

export type IngestOptions = z.infer<typeof IngestOptions>

/** What to ingest. */
export type Input =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'stdin' }
  | { readonly kind: 'demo' }
