import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { backendNames } from '../training/backends/backend.ts'
import { list, numbers, oneOf, readOptions } from './frame.ts'
import { machine } from './machine.ts'
import { frozenLayers } from './train-frozen.ts'
import { flatMemory } from './train-memory.ts'
import { print, type Work, workOf } from './train-rig.ts'
import { scaling, scalingHeads } from './train-scaling.ts'

const usage = `npm run bench -- train [options]
  --part <list>     of steps, frozen and memory; default steps,frozen
  --shapes <list>   layers x width, default 2x128,4x256,6x384
  --tokens <list>   default 32,64
  --workers <list>  default 1,2,4; PyTorch runs with as many threads
  --rows <n>        default 32
  --steps <n>       measured steps of each kind, after a warm-up; default 8
  --posts <n>       of a fine-tuning with frozen layers, three passes; default 2000
  --backend <name>  default wasm
  --torch <python>  an interpreter with torch, to compare with

steps   a step of fine-tuning everything, by workers. Each kind of step takes its turn in every round, and the quickest
        counts. "cores" is what the machine itself allows: as many trainers of one worker, each on its own, at once.
frozen  three passes over the same posts with the lower layers computed once by onnxruntime, that time included, against
        PyTorch's steps for the same passes, everything in training
memory  1,000 steps of changing lengths: resident memory from step 100 on has to stay flat`

/** A fine-tuning of encoders, here and in PyTorch on as many threads. Exit code 1: memory grew. */
export async function train(args: readonly string[]): Promise<number> {
  const options = readOptions(args, usage, {
    part: 'steps,frozen',
    shapes: '2x128,4x256,6x384',
    tokens: '32,64',
    workers: '1,2,4',
    rows: 32,
    steps: 8,
    posts: 2000,
    backend: 'wasm',
    torch: undefined,
    bare: false,
  })
  if (options === undefined) return 0
  const { rows, steps, posts, torch: python, bare } = options
  const parts = list(options.part).map((part) => oneOf(part, ['steps', 'frozen', 'memory']))
  const backend = oneOf(options.backend, backendNames)
  const counts = numbers(options.workers)
  const works = list(options.shapes).flatMap((shape) =>
    numbers(options.tokens).map((tokens): [string, Work] => [shape, workOf(shape, rows, tokens)]),
  )
  if (!bare) print(`${machine()}, ${backend}`)
  if (!bare && python === undefined) print('PyTorch: not compared; pass --torch <python> with torch installed')
  if (parts.includes('steps')) {
    if (!bare) print(scalingHeads)
    for (const [shape, work] of works) {
      for (const workers of counts) {
        if (works.length * counts.length === 1) await scaling(shape, work, { workers, steps, backend, python })
        else await inOwnProcess(args, shape, work, workers)
      }
    }
  }
  if (parts.includes('frozen')) {
    await frozenLayers(works, { posts, workers: Math.max(...counts), backend, python })
  }
  return parts.includes('memory') && !(await flatMemory(Math.max(...counts), backend)) ? 1 : 0
}

/** One line of the table: what other lines left behind would be in its memory. */
async function inOwnProcess(args: readonly string[], shape: string, { tokens }: Work, workers: number): Promise<void> {
  const [, main = ''] = process.argv
  const one = ['--part', 'steps', '--shapes', shape, '--tokens', String(tokens), '--workers', String(workers), '--bare']
  const child = spawn(process.execPath, [main, 'train', ...args, ...one], { stdio: 'inherit' })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`${shape}, ${tokens} tokens, ${workers} workers: exit code ${code}`)
}
