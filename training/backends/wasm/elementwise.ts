import { and, type Code, type FunctionSpec, f, type Local, loop, seq, v } from './assembler.ts'

/** The steps of a formula: each intermediate value is kept in a local, to be used more than once. */
export type Keep = (value: Code) => Code

/**
 * (count, target, …sources): target[i] = formula(source₀[i], …), four at a time, then one by one. Addresses in bytes; the
 * target may be a source.
 */
export const elementwise = (
  name: string,
  sources: number,
  formula: (values: readonly Code[], keep: Keep) => Code,
): FunctionSpec => ({
  name,
  parameters: ['i32', 'i32', ...new Array<'i32'>(sources).fill('i32')],
  body([count, target, ...from], scope) {
    if (count === undefined || target === undefined) throw new Error('count and target')
    const [at, whole] = [scope.local('i32'), scope.local('i32')]
    const values = from.map(() => scope.local('v128'))
    const kept: Code[] = []
    const keep: Keep = (value) => {
      const local = scope.local('v128')
      kept.push(local.set(value))
      return local.get
    }
    const result = formula(
      values.map(({ get }) => get),
      keep,
    )
    const computed = seq(...kept)
    const next = (bytes: number): Code => seq(target.step(bytes), ...from.map((source) => source.step(bytes)))
    return seq(
      whole.set(and(count.get, -4)),
      loop(
        at,
        0,
        whole.get,
        4,
        seq(
          ...values.map((value, index) => value.set(v.load((from[index] as Local).get))),
          computed,
          v.store(target.get, result),
          next(16),
        ),
      ),
      loop(
        at,
        whole.get,
        count.get,
        1,
        seq(
          ...values.map((value, index) => value.set(v.loadSplat((from[index] as Local).get))),
          computed,
          f.store(target.get, v.lane(result, 0)),
          next(4),
        ),
      ),
    )
  },
})

const horner = (x: Code, coefficients: readonly number[]): Code =>
  coefficients
    .slice(0, -1)
    .reduceRight<Code>(
      (sum, coefficient) => v.add(v.mul(sum, x), v.constant(coefficient)),
      v.constant(coefficients.at(-1) ?? 0),
    )

const clamp = (x: Code, limit: number): Code => v.max(v.min(x, v.constant(limit)), v.constant(-limit))

/** eˣ = 2ⁿ·eʳ with |r| ≤ ln 2 / 2, ln 2 in two parts (Cephes); relative error below 2·10⁻⁷ between −87 and 88. */
export const exp = (x: Code, keep: Keep): Code => {
  const limited = keep(v.max(v.min(x, v.constant(88.37)), v.constant(-87.33)))
  const n = keep(v.nearest(v.mul(limited, v.constant(Math.LOG2E))))
  const r = keep(v.sub(v.sub(limited, v.mul(n, v.constant(0.693359375))), v.mul(n, v.constant(-2.1219444e-4))))
  const series = horner(r, [0.5, 1.6666665459e-1, 4.1665795894e-2, 8.3334519073e-3, 1.3981999507e-3, 1.98756915e-4])
  const mantissa = v.add(v.add(v.mul(v.mul(series, r), r), r), v.constant(1))
  const exponent = v.intShiftLeft(v.intAdd(v.toInt(n), v.intConstant(127)), 23)
  return v.mul(mantissa, exponent)
}

/** Rational approximations in x² on the range where float32 has not yet rounded to ±1, as Eigen uses them. */
export const tanh = (x: Code, keep: Keep): Code => {
  const limited = keep(clamp(x, 7.905311107635498))
  const square = keep(v.mul(limited, limited))
  const above = horner(
    square,
    [
      4.89352455891786e-3, 6.37261928875436e-4, 1.48572235717979e-5, 5.12229709037114e-8, -8.60467152213735e-11,
      2.00018790482477e-13, -2.76076847742355e-16,
    ],
  )
  const below = horner(square, [4.89352518554385e-3, 2.268434632439e-3, 1.18534705686654e-4, 1.19825839466702e-6])
  return v.div(v.mul(limited, above), below)
}

export const erf = (x: Code, keep: Keep): Code => {
  const limited = keep(clamp(x, 4))
  const square = keep(v.mul(limited, limited))
  const above = horner(
    square,
    [
      -1.60960333262415e-2, -2.95459980854025e-3, -7.34990630326855e-4, -5.69250639462346e-5, -2.10102402082508e-6,
      2.77068142495902e-8, -2.72614225801306e-10,
    ],
  )
  const below = horner(
    square,
    [-1.42647390514189e-2, -7.37332916720468e-3, -1.68282697438203e-3, -2.13374055278905e-4, -1.45660718464996e-5],
  )
  return v.div(v.mul(limited, above), below)
}

/** d erf / dx = 2/√π · exp(−x²), times dy. */
const erfGradient = (x: Code, dy: Code, keep: Keep): Code =>
  v.mul(v.mul(dy, v.constant(2 / Math.sqrt(Math.PI))), exp(v.neg(v.mul(x, x)), keep))

export const elementwiseFunctions: readonly FunctionSpec[] = [
  elementwise('exp', 1, ([x = []], keep) => exp(x, keep)),
  elementwise('tanh', 1, ([x = []], keep) => tanh(x, keep)),
  elementwise('erf', 1, ([x = []], keep) => erf(x, keep)),
  elementwise('erfGradient', 2, ([x = [], dy = []], keep) => erfGradient(x, dy, keep)),
  elementwise('tanhGradient', 2, ([y = [], dy = []]) => v.mul(dy, v.sub(v.constant(1), v.mul(y, y)))),
  elementwise('addInto', 2, ([sum = [], other = []]) => v.add(sum, other)),
]
