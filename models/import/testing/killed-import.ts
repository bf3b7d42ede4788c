import { systemClock } from '../../../core/clock.ts'
import { Disk } from '../../registry/disk.ts'
import { importModel } from '../import-model.ts'

// A process that replaces a model directory with one that is called `new`, and is killed before a step of that.

const [source = '', out = '', fatal = '', count = ''] = process.argv.slice(2)
let steps = 0
const disk = new Disk((step) => {
  if (step === fatal && steps++ === Number(count)) process.kill(process.pid, 'SIGKILL')
})
await importModel({
  source,
  out,
  force: true,
  name: 'new',
  labels: undefined,
  normaliser: 'none',
  maxTokens: undefined,
  license: 'MIT',
  clock: systemClock,
  note: () => undefined,
  disk,
  open: async () => ({
    onnx: new TextEncoder().encode('graph'),
    folded: [],
    inputs: [{ name: 'input_ids', type: 'int64', shape: ['batch', 'tokens'] }],
    outputs: [{ name: 'logits', type: 'float32', shape: ['batch', 2] }],
  }),
  prove: async () => ({ schema: 1, cases: [{ text: 'a text', probabilities: [0.25, 0.75] }] }),
})
