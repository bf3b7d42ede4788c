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
  map: z
    .string()
    .optional()
    .describe('Which of their fields are ours: id=data.id,text=data.text,createdAt=data.at:s (docs/kafka.md).'),
  brokers: z.string().optional().describe('Kafka brokers to read from; default: those of DRIFTLINE_KAFKA_BROKERS.'),
  untilEnd: z.boolean().default(false).describe('Stop at what are the ends of the topic at the start.'),
  driftAt: z.coerce.number().nonnegative().default(60).describe('Second of the demo stream at which the shift begins.'),
  driftOver: z.coerce.number().nonnegative().default(0).describe('Seconds that the shift takes; 0: at once.'),
})

export type IngestOptions = z.infer<typeof IngestOptions>

/** What to ingest. */
export type Input =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'stdin' }
  | { readonly kind: 'demo' }
  /** A topic of somebody else. */
  | { readonly kind: 'kafka'; readonly topic: string }
  /** What was dead once, under the rules of today. */
  | { readonly kind: 'dead' }
