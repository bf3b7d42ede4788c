/** AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101) with the defaults of `torch.optim.AdamW`, except for `decays`. */
export interface AdamWOptions {
  /** Default 0.9. */
  readonly beta1?: number
  /** Default 0.999. */
  readonly beta2?: number
  /** Added outside the square root; default 1e-8. */
  readonly epsilon?: number
  /** Decoupled decay per step, times the learning rate; default 0.01. */
  readonly weightDecay?: number
  /** Which parameters decay; default: those of two or more dimensions (no bias, no LayerNorm). */
  readonly decays?: readonly string[]
  /** The gradient's global L2 norm is cut to this; default: no clipping. */
  readonly clipNorm?: number
  /**
   * What happens to the rows of large look-up tables that a batch does not use. `exact`, the default, is AdamW: rows seen
   * before go on moving with their momentum, the others decay. `lazy` leaves them as they are, as
   * `torch.optim.SparseAdam` does: a step then costs as much as the rows it uses, and rare words are not pulled by stale
   * momentum. Use it to train bag models from scratch, not to compare with PyTorch.
   */
  readonly unusedRows?: 'exact' | 'lazy'
}

/** One step's numbers, the same for every parameter. */
export interface AdamWStep {
  readonly learningRate: number
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  /** 1 / (1 − β₁ᵗ) and √(1 − β₂ᵗ) of step t, counted from 1. */
  readonly correction1: number
  readonly correction2: number
  /** learning rate × weight decay. */
  readonly decay: number
  /** The gradient is multiplied by this (clipping). */
  readonly scale: number
}

/** @param step counted from 1 */
export function adamWStep(options: AdamWOptions, step: number, learningRate: number, gradientNorm: number): AdamWStep {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0.01, clipNorm } = options
  return {
    learningRate,
    beta1,
    beta2,
    epsilon,
    correction1: 1 / (1 - beta1 ** step),
    correction2: Math.sqrt(1 - beta2 ** step),
    decay: learningRate * weightDecay,
    scale: clipScale(gradientNorm, clipNorm),
  }
}

/** As `torch.nn.utils.clip_grad_norm_`: min(1, limit / (norm + 1e-6)). */
export const clipScale = (norm: number, limit: number | undefined): number =>
  limit === undefined ? 1 : Math.min(1, limit / (norm + 1e-6))

/** Flat arrays of equal length: the weights and what AdamW remembers of each. */
export interface AdamWState {
  readonly weights: Float32Array
  readonly first: Float32Array
  readonly second: Float32Array
}

/** A run of `length` weights from `start`, and where its gradient begins in an array of its own. */
export interface AdamWRange {
  readonly start: number
  readonly length: number
  readonly gradient: Float32Array
  readonly gradientStart: number
  readonly decays: boolean
}

/** w ← w·(1 − decay); m ← β₁m + (1 − β₁)g; v ← β₂v + (1 − β₂)g²; w ← w − lr·m̂ / (√v / √(1 − β₂ᵗ) + ε). */
export function updateAdamW({ weights, first, second }: AdamWState, range: AdamWRange, step: AdamWStep): void {
  const { beta1, beta2, epsilon, correction2, scale } = step
  const { start, length, gradient, gradientStart, decays } = range
  const keep = decays ? 1 - step.decay : 1
  const stepSize = step.learningRate * step.correction1
  for (let index = 0; index < length; index++) {
    const at = start + index
    const g = (gradient[gradientStart + index] as number) * scale
    const m = (first[at] as number) * beta1 + g * (1 - beta1)
    const v = (second[at] as number) * beta2 + g * g * (1 - beta2)
    first[at] = m
    second[at] = v
    weights[at] = (weights[at] as number) * keep - (stepSize * m) / (Math.sqrt(v) / correction2 + epsilon)
  }
}

/** Σ gᵢ² over [start, start + length). */
export function squaredNorm(gradient: Float32Array, start = 0, length = gradient.length): number {
  let sum = 0
  for (let index = start; index < start + length; index++) sum += (gradient[index] as number) ** 2
  return sum
}
