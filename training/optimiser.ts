/** AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101) with the defaults of `torch.optim.AdamW`, except `clipNorm`. */
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
}
