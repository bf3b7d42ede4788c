import { type Claim, inTemporaryFolder, print, readOptions } from './frame.ts'
import { HostileRig, type Tried } from './hostile-rig.ts'

const usage = `npm run bench -- hostile [options]
  --count <n>      hostile model directories (default 1000)
  --before <n>     of those that are refused, put so many into the registry of the running job (default: all)
  --rate <n>       posts a second that it scores meanwhile (default 1000)
  --seconds <n>    seconds of computing that a proof may take (default 5)
  --json           print JSON`

/** Linux only: it reads /proc. */
export async function hostile(args: readonly string[]): Promise<number> {
  const defaults = { count: 1000, before: 1_000_000, rate: 1000, seconds: 5, json: false }
  const options = readOptions(args, usage, defaults)
  if (options === undefined) return 0
  return inTemporaryFolder(async (folder) => {
    const rig = new HostileRig(folder, options.seconds)
    try {
      const { tried, ...measured } = await rig.run(options.count, options.before, options.rate)
      const claims = judge({ tried, ...measured })
      const groups = byGroup(tried)
      const lines = describe(measured, groups)
      print({ bench: 'hostile', args, claims, measured: { ...measured, groups }, lines }, options.json)
      return claims.every(({ holds }) => holds) ? 0 : 1
    } finally {
      await rig.stop()
    }
  })
}

type Measured = Awaited<ReturnType<HostileRig['run']>>

function judge({ tried, versions, verified, alive }: Measured): Claim[] {
  const claim = (text: string, breaks: (model: Tried) => boolean): Claim => {
    const broken = tried.filter(breaks).map(({ name, seed, published, job }) => {
      return `${name} (seed ${seed}): ${published.outcome}, ${job?.outcome ?? 'not put before the job'} ${published.reason}`
    })
    return { claim: text, holds: broken.length === 0, broken }
  }
  const fact = (text: string, holds: boolean): Claim => ({ claim: text, holds })
  const before = tried.filter(({ job }) => job !== undefined).length
  return [
    claim('each is refused with an error that names its fault, or may pass', ({ published, refused, mayPass }) =>
      published.outcome === 'passed' ? !mayPass : !refused.includes(published.outcome),
    ),
    claim(`the job refuses each of the ${before} that are put before it`, ({ job, refused }) =>
      job === undefined ? false : !refused.includes(job.outcome),
    ),
    fact('only the version from before has scored', versions.join() === '1'),
    fact('the job has never stopped', alive),
    fact('0 posts lost', verified.gaps === 0 && verified.waiting === 0),
    fact('0 posts twice', verified.duplicates === 0 && verified.ok),
  ]
}

function byGroup(tried: readonly Tried[]) {
  const groups = new Map<string, Tried[]>()
  for (const model of tried) groups.set(model.group, [...(groups.get(model.group) ?? []), model])
  return [...groups].map(([group, models]) => {
    const codes = new Map<string, number>()
    for (const { published } of models) codes.set(published.outcome, (codes.get(published.outcome) ?? 0) + 1)
    return {
      group,
      models: models.length,
      outcomes: Object.fromEntries([...codes].sort()),
      published: spread(models.map(({ published }) => published.ms)),
      job: spread(models.flatMap(({ job }) => (job === undefined ? [] : [job.ms]))),
      jobTried: models.filter(({ job }) => job !== undefined).length,
    }
  })
}

function spread(values: readonly number[]) {
  const sorted = values.toSorted((a, b) => a - b)
  return { median: sorted[sorted.length >> 1] ?? Number.NaN, most: sorted.at(-1) ?? Number.NaN }
}

function describe(
  { seconds, quiet, during, peakMb }: Omit<Measured, 'tried'>,
  groups: ReturnType<typeof byGroup>,
): string[] {
  const columns = ['refused by publication', 'models', 'ms', 'at most', 'by the job', 'ms', 'at most']
  const cells = groups.map(({ group, models, published, job, jobTried }) =>
    [group, models, published.median, published.most, jobTried, job.median, job.most].map((cell) =>
      typeof cell === 'number' ? (Number.isNaN(cell) ? '–' : cell.toFixed(0)) : cell,
    ),
  )
  const line = (row: readonly string[]) =>
    row.map((cell, at) => (at === 0 ? cell.padEnd(26) : cell.padStart(10))).join(' ')
  const total = new Map<string, number>()
  for (const { outcomes } of groups) {
    for (const [code, count] of Object.entries(outcomes)) total.set(code, (total.get(code) ?? 0) + count)
  }
  const latency = ({ posts, p50Ms, p99Ms }: typeof quiet) => `${posts} posts, p50 ${p50Ms} ms, p99 ${p99Ms} ms`
  return [
    line(columns),
    ...cells.map(line),
    `outcomes: ${[...total].map(([code, count]) => `${code} ${count}`).join(', ')} (passed: a byte that does not matter; its scores are numbers)`,
    `most memory that a proof took: ${peakMb} MB`,
    `the job, before:    ${latency(quiet)}`,
    `the job, meanwhile: ${latency(during)}, in ${seconds.toFixed(0)} s`,
  ]
}
