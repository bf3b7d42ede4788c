import { expect, test } from 'vitest'
import { manualClock } from '../dataflow/testing/manual-clock.ts'
import { downloadProgress } from './download-progress.ts'

const steps = [
  { file: 'a.json', loaded: 100_000, total: 100_000 },
  { file: 'a.json', loaded: 100_000, total: 100_000 },
  { file: 'model.onnx', loaded: 1_000_000, total: 4_000_000 },
  { file: 'model.onnx', loaded: 2_000_000, total: 4_000_000 },
  { file: 'model.onnx', loaded: 4_000_000, total: 4_000_000 },
]

function shown(isTTY: boolean): string {
  let text = ''
  const progress = downloadProgress({ isTTY, write: (some) => (text += some) }, manualClock())
  for (const step of steps) progress.show(step)
  progress.end()
  return text
}

test('a log gets a line for each file that has arrived', () => {
  expect(shown(false)).toBe('a.json 0.1 MB\nmodel.onnx 4.0 MB\n')
})

test('a terminal gets a line that is rewritten, four times a second', () => {
  const clear = '\r\x1b[K'
  expect(shown(true)).toBe(`${clear}a.json 0.1 MB\n${clear}model.onnx 1.0 of 4.0 MB${clear}model.onnx 4.0 MB\n${clear}`)
})
