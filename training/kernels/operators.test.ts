import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { packageRoot } from '../../core/package-root.ts'
import { kernels } from './index.ts'

test('docs/operators.md lists every operator with the opsets at which its definition changes', () => {
  const rows = new Map<string, number[]>()
  for (const { op, since } of kernels) rows.set(op, [...(rows.get(op) ?? []), Math.max(since, 11)])
  const expected = [...rows]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([op, versions]) =>
        `| [${op}](https://onnx.ai/onnx/operators/onnx__${op}.html) | ${versions.sort((a, b) => a - b).join(', ')} |`,
    )
  const documented = readFileSync(join(packageRoot, 'docs/operators.md'), 'utf8')
  expect(
    documented
      .split('\n')
      .filter((line) => line.startsWith('| ['))
      .map((line) => line.replaceAll(/ +/g, ' ')),
  ).toEqual(expected)
})
