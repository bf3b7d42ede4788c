import { expect, test } from 'vitest'
import { gateNames } from '../gates/report.ts'
import { mayTakeAlias, standingOf } from './may-take-alias.ts'

const manifest = { name: 'tiny', version: 3 }
const json = (value: unknown) => Buffer.from(JSON.stringify(value))
const certificate = (passed: boolean) => ['certificate.json', json({ passed, comparisons: [] })] as const
const gates = (...failed: readonly string[]) => {
  const compared = { champion: [], candidate: [] }
  const report = {
    schema: 1,
    candidate: { name: 'tiny', parent: 2 },
    evaluatedAt: '2026-01-02T03:04:05.000Z',
    passed: failed.length === 0,
    gates: gateNames.map((name) => ({
      name,
      passed: !failed.includes(name),
      value: 1,
      bound: 0,
      unit: '',
      reason: 'so',
    })),
    data: { fresh: null, golden: null, slices: [], reliability: [], speed: compared },
  }
  return ['gates.json', json(report)] as const
}
type Named = readonly [string, Uint8Array]
const version = (...files: readonly Named[]) => ({ path: '/m', manifest, files: new Map(files) })

const unforced = { force: false, reason: '' }

test.each<[string, readonly Named[], string | undefined]>([
  ['a passing certificate', [certificate(true)], undefined],
  ['a passing certificate and gates that passed', [certificate(true), gates()], undefined],
  ['no certificate', [], 'CERTIFICATE_MISSING'],
  ['a certificate that did not pass', [certificate(false), gates()], 'CERTIFICATE_MISSING'],
  ['gates that did not pass', [certificate(true), gates('slices', 'speed')], 'GATES_FAILED'],
])('%s', (_, files, code) => {
  const take = () => mayTakeAlias(version(...files), unforced)
  if (code === undefined) expect(take()).toBe(false)
  else {
    expect(take).toThrow(expect.objectContaining({ code }))
    expect(() => mayTakeAlias(version(...files), { force: true, reason: '' })).toThrow(
      expect.objectContaining({ code }),
    )
    expect(mayTakeAlias(version(...files), { force: true, reason: 'tonight only' })).toBe(true)
  }
})

test('the gates that failed are named', () => {
  expect(standingOf(version(certificate(true), gates('slices', 'speed')))).toEqual({
    certificate: 'passed',
    gates: 'failed',
    failedGates: ['slices', 'speed'],
  })
})

test.each([
  ['certificate.json', '{"passed":"yes"}'],
  ['certificate.json', '['.repeat(1000)],
  ['gates.json', '{"passed":true}'],
])('%s that says %s is no certificate and no report: not even force helps', (file, content) => {
  const files: Named[] = [certificate(true), [file, Buffer.from(content)]]
  expect(() => mayTakeAlias(version(...files), { force: true, reason: 'it looks fine' })).toThrow(
    expect.objectContaining({ code: 'MODEL_INVALID', details: expect.objectContaining({ file }) }),
  )
})
