import { readFile, writeFile } from 'node:fs/promises'
import { z } from 'zod'
import type { RetrainingPost } from '../select-data.ts'

const share = z.number().min(0).max(1)

/** What a process of the trainer is asked to do; written to a file, whose path is its argument. */
export const TrainerJob = z.strictObject({
  /** `train` makes `trained/` in the folder, `judge` makes `judged/` of it: the same version with its gate report. */
  task: z.enum(['train', 'judge']),
  folder: z.string(),
  /** Directory of the champion. */
  champion: z.string(),
  name: z.string(),
  checkId: z.string(),
  seed: z.int(),
  workers: z.int().positive(),
  /** After this long, training ends with the best it has. */
  mostMs: z.number().positive(),
  /** Event time, epoch milliseconds; posts from then on are held out. */
  heldOutFromMs: z.int(),
  /** File that takes the place of the golden set. */
  goldenFile: z.string().optional(),
  /** What differs from the recipe that the champion's kind of graph is trained by. */
  recipe: z
    .strictObject({ epochs: z.int().positive(), batchSize: z.int().positive(), learningRate: z.number().positive() })
    .partial(),
  bounds: z.strictObject({
    goldenMargin: share,
    sliceRows: z.int().positive(),
    sliceMargin: share,
    maxEce: share,
    maxSlowdown: z.number().positive(),
  }),
  /** The process ends when this one is gone. */
  parentPid: z.int().positive(),
})
export type TrainerJob = z.infer<typeof TrainerJob>

/** What it tells meanwhile and at its end. */
export const TrainerMessage = z.union([
  z.strictObject({
    progress: z.strictObject({
      phase: z.string(),
      epoch: z.int().positive().optional(),
      step: z.int().optional(),
      totalSteps: z.int().optional(),
      remainingMs: z.number().optional(),
    }),
  }),
  z.strictObject({ done: z.literal(true) }),
  z.strictObject({ failed: z.strictObject({ code: z.string().optional(), message: z.string() }) }),
])
export type TrainerMessage = z.infer<typeof TrainerMessage>

/** Names in the folder of a retraining. */
export const jobFiles = {
  job: 'job.json',
  /** Trained on and held out together: the trainer cuts them by time. */
  posts: 'posts.jsonl',
  heldOut: 'held-out.jsonl',
  golden: 'golden.jsonl',
  trained: 'trained',
  judged: 'judged',
} as const

const PostRow = z.object({
  id: z.string(),
  text: z.string(),
  label: z.string(),
  createdAt: z.int(),
  source: z.string(),
  lang: z.string(),
  selectionProbability: z.number(),
})

/** JSON Lines, as `driftline train` reads them, with what the gates need beside. */
export async function writePosts(path: string, posts: readonly RetrainingPost[]): Promise<void> {
  const rows = posts.map(({ atMs, ...post }) =>
    JSON.stringify({ ...post, createdAt: atMs } satisfies z.input<typeof PostRow>),
  )
  await writeFile(path, rows.map((row) => `${row}\n`).join(''))
}

export async function readPosts(path: string): Promise<readonly RetrainingPost[]> {
  const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '')
  return lines.map((line) => {
    const { createdAt, ...post } = PostRow.parse(JSON.parse(line))
    return { ...post, atMs: createdAt }
  })
}
