import {
  add,
  and,
  atMost,
  type Code,
  either,
  equal,
  type FunctionBody,
  type FunctionSpec,
  f,
  i32,
  type Local,
  least,
  loop,
  mul,
  seq,
  sub,
  v,
} from './assembler.ts'

/**
 * Matrix multiplication for any strides: both operands are packed into panels, [k][4 rows] of A and [k][8 columns] of B,
 * and tiles of 4 × 8 are accumulated in eight vectors. Transposed operands only differ in how they are packed.
 */
const tileRows = 4
const tileColumns = 8
const blockRows = 64

/** Four vectors, the rows of a 4 × 4 block, and code that turns it over: `columns` holds its columns after `turn`. */
export function block(scope: FunctionBody): { rows: readonly Local[]; turn: Code; columns: readonly Code[] } {
  const vector = (): Local => scope.local('v128')
  const [a, b, c, d, ab, ab2, cd, cd2] = Array.from({ length: 8 }, vector) as [
    ...[Local, Local, Local, Local, Local, Local, Local, Local],
  ]
  return {
    rows: [a, b, c, d],
    turn: seq(
      ab.set(v.shuffle(a.get, b.get, [0, 4, 1, 5])),
      ab2.set(v.shuffle(a.get, b.get, [2, 6, 3, 7])),
      cd.set(v.shuffle(c.get, d.get, [0, 4, 1, 5])),
      cd2.set(v.shuffle(c.get, d.get, [2, 6, 3, 7])),
    ),
    columns: [
      v.shuffle(ab.get, cd.get, [0, 1, 4, 5]),
      v.shuffle(ab.get, cd.get, [2, 3, 6, 7]),
      v.shuffle(ab2.get, cd2.get, [0, 1, 4, 5]),
      v.shuffle(ab2.get, cd2.get, [2, 3, 6, 7]),
    ],
  }
}

/**
 * (source, outerStride, innerStride, outer, inner, target): panels of `width` along the outer dimension, each
 * [inner][width], the last one filled up with zeros. Addresses and strides in bytes.
 */
const pack = (name: string, width: number): FunctionSpec => ({
  name,
  parameters: ['i32', 'i32', 'i32', 'i32', 'i32', 'i32'],
  body(parameters, scope) {
    const [source, outerStride, innerStride, outer, inner, target] = parameters as [
      ...[Local, Local, Local, Local, Local, Local],
    ]
    const integer = (): Local => scope.local('i32')
    const [at, k, from, to, row, edge, blocks] = [0, 1, 2, 3, 4, 5, 6].map(integer) as [
      ...[Local, Local, Local, Local, Local, Local, Local],
    ]
    const bases = Array.from({ length: width }, integer) as Local[]
    const turned = block(scope)
    const parts = Array.from({ length: width / 4 }, (_, part) => part)

    const copied = seq(
      from.set(source.get),
      loop(
        k,
        0,
        inner.get,
        1,
        seq(
          ...parts.map((part) => v.store(target.get, v.load(from.get, part * 16), part * 16)),
          from.step(innerStride.get),
          target.step(width * 4),
        ),
      ),
    )
    const turnedOver = seq(
      from.set(source.get),
      ...bases.map((base) => seq(base.set(from.get), from.step(outerStride.get))),
      blocks.set(and(inner.get, -4)),
      loop(
        k,
        0,
        blocks.get,
        4,
        seq(
          ...parts.map((part) =>
            seq(
              ...turned.rows.map((row, index) => row.set(v.load((bases[part * 4 + index] as Local).get))),
              turned.turn,
              ...turned.columns.map((column, index) => v.store(target.get, column, index * width * 4 + part * 16)),
            ),
          ),
          ...bases.map((base) => base.step(16)),
          target.step(width * 16),
        ),
      ),
      loop(
        k,
        blocks.get,
        inner.get,
        1,
        seq(
          ...bases.map((base, index) => seq(f.store(target.get, f.load(base.get), index * 4), base.step(4))),
          target.step(width * 4),
        ),
      ),
    )
    const oneByOne = seq(
      edge.set(least(sub(outer.get, at.get), width)),
      loop(
        k,
        0,
        inner.get,
        1,
        seq(
          ...parts.map((part) => v.store(target.get, v.constant(0), part * 16)),
          from.set(add(source.get, mul(k.get, innerStride.get))),
          to.set(target.get),
          loop(row, 0, edge.get, 1, seq(f.store(to.get, f.load(from.get)), from.step(outerStride.get), to.step(4))),
          target.step(width * 4),
        ),
      ),
    )
    const whole = either(equal(outerStride.get, 4), copied, either(equal(innerStride.get, 4), turnedOver, oneByOne))
    return loop(
      at,
      0,
      outer.get,
      width,
      seq(either(atMost(add(at.get, width), outer.get), whole, oneByOne), source.step(mul(outerStride.get, width))),
    )
  },
})

/**
 * (a, b, c, rowStride, m, n, k, scratch, accumulate): C (+)= A·B on packed operands. Tiles that stick out go through
 * `scratch`, 128 bytes. `rowStride` of C in bytes.
 */
const multiply = (fused: boolean): FunctionSpec => ({
  name: 'multiply',
  parameters: ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'],
  body(parameters, scope) {
    const [a, b, c, rowStride, m, n, k, scratch, accumulate] = parameters as [
      ...[Local, Local, Local, Local, Local, Local, Local, Local, Local],
    ]
    const integer = (): Local => scope.local('i32')
    const [row, column, depth, left, right, target, step, x, y, fours, from, to] = Array.from(
      { length: 12 },
      integer,
    ) as [...[Local, Local, Local, Local, Local, Local, Local, Local, Local, Local, Local, Local]]
    const tile = Array.from({ length: tileRows * 2 }, () => scope.local('v128'))
    const [first, beyond] = [integer(), integer()]
    const [b0, b1, splat, four] = [0, 1, 2, 3].map(() => scope.local('v128')) as [Local, Local, Local, Local]
    const cell = (index: number): Local => tile[index] as Local

    const addProduct = (sum: Code, a: Code, b: Code): Code =>
      fused ? v.multiplyAdd(a, b, sum) : v.add(sum, v.mul(a, b))
    // four rows of A in one load, spread by shuffles: 44 GFLOP/s, where a splatting load for each row reached 37
    const once = (at: number): Code =>
      seq(
        four.set(v.load(left.get, at * 16)),
        b0.set(v.load(right.get, at * 32)),
        b1.set(v.load(right.get, at * 32 + 16)),
        ...Array.from({ length: tileRows }, (_, index) =>
          seq(
            splat.set(v.shuffle(four.get, four.get, [index, index, index, index])),
            cell(index * 2).set(addProduct(cell(index * 2).get, splat.get, b0.get)),
            cell(index * 2 + 1).set(addProduct(cell(index * 2 + 1).get, splat.get, b1.get)),
          ),
        ),
      )
    const accumulated = seq(
      left.set(add(a.get, mul(mul(row.get, k.get), 4))),
      right.set(add(b.get, mul(mul(column.get, k.get), 4))),
      ...tile.map((vector) => vector.set(v.constant(0))),
      fours.set(and(k.get, -4)),
      loop(depth, 0, fours.get, 4, seq(once(0), once(1), once(2), once(3), left.step(64), right.step(128))),
      loop(depth, fours.get, k.get, 1, seq(once(0), left.step(16), right.step(32))),
    )
    const stored = (address: Local, stride: Code, add: boolean): Code =>
      seq(
        ...Array.from({ length: tileRows }, (_, index) =>
          seq(
            ...[0, 1].map((half) => {
              const value = cell(index * 2 + half).get
              return v.store(address.get, add ? v.add(v.load(address.get, half * 16), value) : value, half * 16)
            }),
            address.step(stride),
          ),
        ),
      )
    const direct = either(accumulate.get, stored(target, rowStride.get, true), stored(target, rowStride.get, false))
    const throughScratch = seq(
      to.set(scratch.get),
      stored(to, i32(32), false),
      loop(
        y,
        0,
        least(sub(m.get, row.get), tileRows),
        1,
        seq(
          from.set(add(scratch.get, mul(y.get, 32))),
          to.set(target.get),
          loop(
            x,
            0,
            least(sub(n.get, column.get), tileColumns),
            1,
            seq(
              either(
                accumulate.get,
                f.store(to.get, f.add(f.load(to.get), f.load(from.get))),
                f.store(to.get, f.load(from.get)),
              ),
              from.step(4),
              to.step(4),
            ),
          ),
          target.step(rowStride.get),
        ),
      ),
    )
    const fits = and(atMost(add(row.get, tileRows), m.get), atMost(add(column.get, tileColumns), n.get))
    // a block of A stays in the second-level cache while all of B passes, a panel of B in the first while the block does
    return loop(
      first,
      0,
      m.get,
      blockRows,
      seq(
        beyond.set(least(add(first.get, blockRows), m.get)),
        loop(
          column,
          0,
          n.get,
          tileColumns,
          seq(
            step.set(add(c.get, mul(column.get, 4))),
            loop(
              row,
              first.get,
              beyond.get,
              tileRows,
              seq(
                accumulated,
                target.set(add(step.get, mul(row.get, rowStride.get))),
                either(fits, direct, throughScratch),
              ),
            ),
          ),
        ),
      ),
    )
  },
})

/** @param fused with the processor's multiply-add, where Node has relaxed SIMD */
export const gemmFunctions = (fused: boolean): readonly FunctionSpec[] => [
  pack('packRows', tileRows),
  pack('packColumns', tileColumns),
  multiply(fused),
]

/** Floats of the packed operands. */
export const packedRows = (m: number, k: number): number => Math.ceil(m / tileRows) * tileRows * k
export const packedColumns = (n: number, k: number): number => Math.ceil(n / tileColumns) * tileColumns * k
