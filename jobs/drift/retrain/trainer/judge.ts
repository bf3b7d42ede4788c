import { cp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { seededRandom } from '../../../../core/random.ts'
import { judgeCandidate } from '../../../../models/gates/judge.ts'
import { gatesPage } from '../../../../models/gates/page.ts'
import { gateFiles } from '../../../../models/gates/report.ts'
import { manifestFile, readManifest, writeManifest } from '../../../../models/model-directory.ts'
import { readLabelledPosts } from '../../../../training/data.ts'
import { type LabelledSet, measure } from './evidence.ts'
import { jobFiles, readPosts, type TrainerJob } from './job.ts'
import type { Telling } from './train.ts'

/** Makes `judged/` of `trained/`: the same files, the gate report and its page, and a manifest that names them all. */
export async function judge(job: TrainerJob, { clock, onProgress }: Telling): Promise<void> {
  const trained = join(job.folder, jobFiles.trained)
  const out = join(job.folder, jobFiles.judged)
  const random = seededRandom(job.seed)
  onProgress({ phase: 'measuring champion and candidate' })
  const evidence = await measure({
    champion: job.champion,
    candidate: trained,
    fresh: { source: 'labels', posts: await readPosts(join(job.folder, jobFiles.heldOut)) },
    golden: await goldenSet(job),
    clock,
  })
  onProgress({ phase: 'judging' })
  const report = judgeCandidate(evidence, job.bounds, random)

  await rm(out, { recursive: true, force: true })
  await cp(trained, out, { recursive: true, filter: (path) => path !== join(trained, manifestFile) })
  await writeFile(join(out, gateFiles.report), `${JSON.stringify(report, null, 2)}\n`)
  await writeFile(join(out, gateFiles.page), gatesPage(report))
  const { schema: _, files: __, ...facts } = await readManifest(trained)
  await writeManifest(out, facts)
}

async function goldenSet({ folder, goldenFile }: TrainerJob): Promise<LabelledSet> {
  if (goldenFile === undefined) return { source: 'older labels', posts: await readPosts(join(folder, jobFiles.golden)) }
  const { posts } = await readLabelledPosts(goldenFile)
  return {
    source: goldenFile,
    posts: posts.map(({ text, label, atMs }) => ({ text, label, atMs, source: '', lang: '', selectionProbability: 1 })),
  }
}
