import type { Gate } from './report.ts'

/** One set of numbers of a candidate, as onnxruntime computes it, against TensorFlow.js on the trained graph. */
export interface NumbersProof {
  readonly variant: string
  readonly rows: number
  /** Largest difference of any class probability; 1 when one of them is no finite number. */
  readonly maxDelta: number
  /** Share of rows with the same most probable class. */
  readonly argmaxAgreement: number
  /** Whether it is as near as this variant must be. */
  readonly passed: boolean
}

/** Of fp32; other variants answer for their accuracy too, which `passed` tells. */
const largestDelta = 1e-4

/**
 * Numerically the same: what scores is what was trained. Every file of weights that comes with the version is held
 * against TensorFlow.js again, as it lies in the directory.
 */
export function numbersGate(proofs: readonly NumbersProof[]): Gate {
  const gate = { name: 'numbers', bound: largestDelta, unit: 'max |Δp|' } as const
  const failed = proofs.filter(({ passed }) => !passed)
  const fp32 = proofs.find(({ variant }) => variant === 'fp32')
  if (fp32 === undefined) return { ...gate, passed: false, value: null, reason: 'model.onnx was not compared' }
  const [worst = fp32] = failed
  const described = proofs.map(
    ({ variant, rows, maxDelta, argmaxAgreement, passed }) =>
      `${variant} ${passed ? 'agrees' : 'differs'}: max |Δp| ${maxDelta.toExponential(1)}, arg-max agrees on ${(100 * argmaxAgreement).toFixed(2)} % of ${rows} posts`,
  )
  return { ...gate, passed: failed.length === 0, value: worst.maxDelta, reason: described.join('; ') }
}
