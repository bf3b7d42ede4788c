import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { type BackendName, backendNames } from '../training/backends/backend.ts'
import { machine } from './machine.ts'
import { frozenLayers } from './train-frozen.ts'
import { flatMemory } from './train-memory.ts'
import { list, print, type Work, workOf } from './train-rig.ts'
import { scaling, scalingHeads } from './train-scaling.ts'

const help = `usage: npm run bench -- train [options]

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
memory  1,000 steps of changing lengths: resident memory from step 100 on has to stay flat
`

/** A fine-tuning of encoders, here and in PyTorch on as many threads. Exit code 1: memory grew. */
export async function train(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      part: { type: 'string', default: 'steps,frozen' },
      shapes: { type: 'string', default: '2x128,4x256,6x384' },
      tokens: { type: 'string', default: '32,64' },
      workers: { type: 'string', default: '1,2,4' },
      rows: { type: 'string', default: '32' },
      steps: { type: 'string', default: '8' },
      posts: { type: 'string', default: '2000' },
      backend: { type: 'string', default: 'wasm' },
      torch: { type: 'string' },
      bare: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(help)
    return 0
  }
  const parts = list(values.part)
  const backend: BackendName = z.enum(backendNames).parse(values.backend)
  const counts = list(values.workers).map(Number)
  const steps = Number(values.steps)
  const works = list(values.shapes).flatMap((shape) =>
    list(values.tokens).map((tokens): [string, Work] => [shape, workOf(shape, Number(values.rows), Number(tokens))]),
  )
  const python = values.torch
  if (!values.bare) print(`${machine()}, ${backend}`)
  if (!values.bare && python === undefined) print('PyTorch: not compared; pass --torch <python> with torch installed')
  if (parts.includes('steps')) {
    if (!values.bare) print(scalingHeads)
    for (const [shape, work] of works) {
      for (const workers of counts) {
        if (works.length * counts.length === 1) await scaling(shape, work, { workers, steps, backend, python })
        else await inOwnProcess(args, shape, work, workers)
      }
    }
  }
  if (parts.includes('frozen')) {
    await frozenLayers(works, { posts: Number(values.posts), workers: Math.max(...counts), backend, python })
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
