import { openSession } from '../../../../inference/session.ts'
import type { GateReport } from '../../../../models/gates/report.ts'
import { encodeText } from '../../../../training/data-encode.ts'
import type { StartingPoint } from '../../../../training/starting-point.ts'

const rounds = 31
/** Texts of a round, and of one run of the model, as scoring groups them. */
const texts = 128
const runRows = 16
/** A shorter round of either model would measure what else the machine did; a slow model need not take many times as long. */
const leastRoundMs = 20

/**
 * Milliseconds a post of two models, from text to logits on one thread, in turns: champion, candidate, candidate,
 * champion, … What else the machine does then slows both alike, and the order favours neither.
 */
export async function measureSpeed(
  champion: StartingPoint,
  candidate: StartingPoint,
  all: readonly string[],
): Promise<GateReport['data']['speed']> {
  const some = Array.from({ length: Math.min(texts, all.length) }, (_, at) => all[at] ?? '')
  const [was, is] = [await runner(champion, some), await runner(candidate, some)]
  try {
    await Promise.all([was.once(), is.once()])
    const before = await repeatsOf(was)
    const after = await repeatsOf(is)
    const timed = async (model: Runner): Promise<number> => {
      const repeats = model === was ? before : after
      let ms = 0
      for (let repeat = 0; repeat < repeats; repeat++) ms += await model.once()
      return ms / (repeats * some.length)
    }
    const speed = { champion: [] as number[], candidate: [] as number[] }
    for (let round = 0; round < rounds; round++) {
      const first = round % 2 === 0
      const one = await timed(first ? was : is)
      const other = await timed(first ? is : was)
      speed.champion.push(first ? one : other)
      speed.candidate.push(first ? other : one)
    }
    return speed
  } finally {
    await was.release()
    await is.release()
  }
}

const repeatsOf = async (model: Runner): Promise<number> => Math.max(1, Math.ceil(leastRoundMs / (await model.once())))

interface Runner {
  /** Milliseconds for all texts. */
  once(): Promise<number>
  release(): Promise<void>
}

async function runner({ base, textForm }: StartingPoint, some: readonly string[]): Promise<Runner> {
  if (base === undefined) throw new Error('a starting point that was read from a directory has a base')
  const session = await openSession({
    file: 'model.onnx',
    onnx: base.onnx,
    provider: 'cpu',
    padId: textForm.tokenizer.padId,
  })
  return {
    async once() {
      const startedMs = performance.now()
      const ids = some.map((text) => [...encodeText(textForm, text)]).sort((a, b) => a.length - b.length)
      for (let at = 0; at < ids.length; at += runRows) await session.run(ids.slice(at, at + runRows))
      return performance.now() - startedMs
    },
    release: () => session.release(),
  }
}
