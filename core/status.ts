import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { messageOf } from './errors.ts'

/** A status older than this, in milliseconds, means that its job does not answer: jobs write about once a second. */
export const staleAfterMs = 5_000

/**
 * What a part of a job is doing. `waiting` is for something outside that is expected back (the store, the log);
 * `halted` needs a person; both carry a reason.
 */
export const PartState = z.enum(['ok', 'waiting', 'halted'])
export type PartState = z.infer<typeof PartState>

const perSecond = z.number().nonnegative()
const instantMs = z.number().int().nonnegative()

export const PartitionStatus = z.object({
  topic: z.string(),
  partition: z.int().nonnegative(),
  /** The next offset to process; everything before it is done. */
  position: z.int().nonnegative(),
  /** Records appended and not yet processed, as the job last saw it. */
  lag: z.int().nonnegative(),
  state: PartState,
  reason: z.string().optional(),
})
export type PartitionStatus = z.infer<typeof PartitionStatus>

/**
 * `<data>/status/<job>.json`, or `<job>@<replica>.json`: what a job says about itself, for the dashboard, `/readyz` and
 * the supervisor.
 */
export const JobStatus = z.object({
  job: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/),
  /** Which of several processes that do this job together; absent for one alone. */
  replica: z
    .string()
    .regex(/^[\w.-]{1,64}$/)
    .optional(),
  pid: z.int().positive(),
  startedAt: instantMs,
  updatedAt: instantMs,
  /** `ended` and `stopped` are last words: the work is done, or it was told to stop. */
  state: z.enum(['starting', ...PartState.options, 'stopping', 'stopped', 'ended']),
  reason: z.string().optional(),
  model: z.object({ name: z.string(), version: z.int(), labels: z.array(z.string()) }).optional(),
  /** The last change of the model that was tried: `swapped`, or the code of the error that kept the old one. */
  swap: z.object({ to: z.int(), at: instantMs, outcome: z.string(), reason: z.string() }).optional(),
  /** Versions that take a share of the posts, or score them beside the champion; counts since this process started them. */
  challengers: z
    .array(
      z.object({
        version: z.int(),
        mode: z.enum(['canary', 'shadow']),
        share: z.number(),
        state: z.enum(['loading', 'running']),
        scored: z.int().nonnegative(),
        failed: z.int().nonnegative(),
        skipped: z.int().nonnegative(),
      }),
    )
    .optional(),
  /** Alerts that are pending or fire, by rule; absent for a process that does not alert now. */
  alerts: z
    .array(z.object({ rule: z.string(), state: z.enum(['pending', 'firing']), alerts: z.int().nonnegative() }))
    .optional(),
  /** The provider that was proved to be in use, not the one asked for. */
  provider: z.string().optional(),
  /** Inference threads. */
  workers: z.int().positive().optional(),
  partitions: z.array(PartitionStatus),
  /** Since `startedAt`, by name: scored, dead, … */
  counts: z.record(z.string(), z.int().nonnegative()),
  /** Per second over the last few seconds, by name. */
  rates: z.record(z.string(), perSecond),
})
export type JobStatus = z.infer<typeof JobStatus>

/** A status file as it was found. */
export type StatusFile = { readonly job: string; readonly replica?: string | undefined } & (
  | { readonly status: JobStatus; readonly answering: boolean }
  | { readonly status: undefined; readonly answering: false; readonly reason: string }
)

const folderOf = (data: string): string => join(data, 'status')
const lastWords: readonly JobStatus['state'][] = ['stopped', 'ended']
/** A replica silent for this long, in milliseconds, is not told of any more: containers get a new name at each start. */
const forgottenAfterMs = 3_600_000
const stem = ({ job, replica }: Pick<JobStatus, 'job' | 'replica'>): string =>
  replica === undefined ? job : `${job}@${replica}`
let writes = 0
/** Files that this process has written before. */
const begun = new Set<string>()

/** Replaces the job's status; a reader sees the old file or the new one, never a part of either. */
export async function writeStatus(data: string, status: JobStatus): Promise<void> {
  const folder = folderOf(data)
  await mkdir(folder, { recursive: true })
  const file = join(folder, `${stem(status)}.json`)
  const first = !begun.has(file)
  begun.add(file)
  if (first) await tidy(data, status)
  const temporary = join(folder, `.${stem(status)}.${process.pid}.${writes++}`)
  try {
    await writeFile(temporary, JSON.stringify(JobStatus.parse(status)))
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

/** Removes what nobody reads any more: a draft of a former process of this job that was killed, and replicas that are forgotten. */
async function tidy(data: string, status: JobStatus): Promise<void> {
  for (const name of await readdir(folderOf(data))) {
    const [, drafted, pid] = /^\.(.+)\.(\d+)\.\d+$/.exec(name) ?? []
    const told = partsOf(name)
    const old =
      told?.replica !== undefined && isForgotten(await readStatus(data, told, status.updatedAt), status.updatedAt)
    const left = drafted === stem(status) && Number(pid) !== process.pid
    if (left || old) await rm(join(folderOf(data), name), { force: true })
  }
}

/** The job, and perhaps the replica, that a file is of. */
function partsOf(name: string): Pick<JobStatus, 'job' | 'replica'> | undefined {
  const [, job, replica] = /^([a-z][a-z0-9-]*)(?:@([\w.-]+))?\.json$/.exec(name) ?? []
  return job === undefined ? undefined : { job, replica }
}

const isForgotten = ({ replica, status }: StatusFile, nowMs: number): boolean =>
  replica !== undefined && nowMs - (status?.updatedAt ?? nowMs) > forgottenAfterMs

/**
 * The statuses of all jobs that ever ran on this data folder, by name.
 *
 * @param nowMs a status is `answering` when it was written less than `staleAfterMs` before and is not its job's last
 */
export async function readStatuses(data: string, nowMs: number): Promise<readonly StatusFile[]> {
  const names = await readdir(folderOf(data)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  const files = await Promise.all(
    names.sort().map(async (name): Promise<readonly StatusFile[]> => {
      const told = partsOf(name)
      if (told === undefined) return []
      const file = await readStatus(data, told, nowMs)
      return isForgotten(file, nowMs) ? [] : [file]
    }),
  )
  return files.flat()
}

async function readStatus(data: string, of: Pick<JobStatus, 'job' | 'replica'>, nowMs: number): Promise<StatusFile> {
  try {
    const status = JobStatus.parse(JSON.parse(await readFile(join(folderOf(data), `${stem(of)}.json`), 'utf8')))
    return { ...of, status, answering: nowMs - status.updatedAt < staleAfterMs && !lastWords.includes(status.state) }
  } catch (error) {
    return { ...of, status: undefined, answering: false, reason: messageOf(error) }
  }
}
