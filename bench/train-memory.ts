import { seededRandom } from '../core/random.ts'
import type { BackendName } from '../training/backends/backend.ts'
import { openTrainer, print, randomBatch, workOf } from './train-rig.ts'

const steps = 1000
const rows = 32
const longest = 48
/** What may be added from step 100 to the last: the allocator's slack, not one tensor a step (32 · 48 · 128 · 4 bytes = 0.8 MB). */
const slackMb = 64

/**
 * Trains a 2x128 encoder on batches of 4 to 48 tokens, with an evaluation every 100 steps, and prints resident memory.
 *
 * @returns whether it stayed flat from step 100 on
 */
export async function flatMemory(workers: number, backend: BackendName): Promise<boolean> {
  const random = seededRandom(4)
  const trainer = await openTrainer(workOf('2x128', rows, longest), workers, backend)
  const resident: number[] = []
  try {
    print(`\n2x128, ${rows} rows of 4 to ${longest} tokens, ${workers} workers`)
    for (let step = 1; step <= steps; step++) {
      const tokens = 4 + Math.floor(random() * (longest - 3))
      await trainer.step(randomBatch(rows, tokens, random), 1e-4)
      if (step % 100 > 0) continue
      await trainer.evaluate(randomBatch(128, longest, random).feeds)
      resident.push(process.memoryUsage.rss() / 2 ** 20)
      print(`step ${String(step).padStart(4)}  ${resident.at(-1)?.toFixed(0)} MB resident`)
    }
  } finally {
    await trainer.close()
  }
  const least = (samples: readonly number[]): number => samples.reduce((a, b) => Math.min(a, b))
  const grown = least(resident.slice(-3)) - least(resident.slice(0, 3)) // the collector's rhythm is ± 50 MB
  const flat = grown < slackMb
  print(`${flat ? 'flat' : 'NOT FLAT'}: ${grown.toFixed(0)} MB between the first 300 steps and the last`)
  return flat
}
