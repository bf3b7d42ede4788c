import {
  add,
  and,
  type Code,
  either,
  equal,
  type FunctionSpec,
  f,
  type Local,
  loadInt,
  loop,
  mul,
  seq,
  v,
} from './assembler.ts'
import { block } from './gemm.ts'

/**
 * (source, target, n₀, s₀, n₁, s₁, n₂, s₂, n₃, s₃): target, contiguous [n₀, n₁, n₂, n₃], from a source with those strides
 * in bytes. Rows that are contiguous are copied as vectors, a turned matrix (s₂ = 4) in blocks of 4 × 4.
 */
const permute: FunctionSpec = {
  name: 'permute',
  parameters: ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'],
  body(parameters, scope) {
    const [source, target, n0, s0, n1, s1, n2, s2, n3, s3] = parameters as [
      ...[Local, Local, Local, Local, Local, Local, Local, Local, Local, Local],
    ]
    const integer = (): Local => scope.local('i32')
    const [a, b, c, d, from0, from1, from2, from, to, whole, wholeRows, rowBytes] = Array.from(
      { length: 12 },
      integer,
    ) as [...[Local, Local, Local, Local, Local, Local, Local, Local, Local, Local, Local, Local]]
    const turned = block(scope)
    const row = seq(
      either(
        equal(s3.get, 4),
        seq(
          whole.set(and(n3.get, -4)),
          loop(d, 0, whole.get, 4, seq(v.store(target.get, v.load(from.get)), from.step(16), target.step(16))),
          loop(d, whole.get, n3.get, 1, seq(f.store(target.get, f.load(from.get)), from.step(4), target.step(4))),
        ),
        loop(d, 0, n3.get, 1, seq(f.store(target.get, f.load(from.get)), from.step(s3.get), target.step(4))),
      ),
    )
    const rowByRow = (first: Code): Code =>
      loop(c, first, n2.get, 1, seq(from.set(add(from1.get, mul(c.get, s2.get))), row))
    // rows c … c + 3 of the target are four neighbours in every source line
    const matrix = seq(
      rowBytes.set(mul(n3.get, 4)),
      wholeRows.set(and(n2.get, -4)),
      whole.set(and(n3.get, -4)),
      loop(
        c,
        0,
        wholeRows.get,
        4,
        seq(
          from.set(add(from1.get, mul(c.get, 4))),
          to.set(target.get),
          loop(
            d,
            0,
            whole.get,
            4,
            seq(
              ...turned.rows.map((line) => seq(line.set(v.load(from.get)), from.step(s3.get))),
              turned.turn,
              from2.set(to.get),
              ...turned.columns.map((column) => seq(v.store(from2.get, column), from2.step(rowBytes.get))),
              to.step(16),
            ),
          ),
          loop(
            d,
            whole.get,
            n3.get,
            1,
            seq(
              from2.set(to.get),
              ...[0, 1, 2, 3].map((lane) =>
                seq(f.store(from2.get, f.load(from.get, lane * 4)), from2.step(rowBytes.get)),
              ),
              from.step(s3.get),
              to.step(4),
            ),
          ),
          target.step(mul(rowBytes.get, 4)),
        ),
      ),
      rowByRow(wholeRows.get),
    )
    return loop(
      a,
      0,
      n0.get,
      1,
      seq(
        from0.set(add(source.get, mul(a.get, s0.get))),
        loop(
          b,
          0,
          n1.get,
          1,
          seq(from1.set(add(from0.get, mul(b.get, s1.get))), either(equal(s2.get, 4), matrix, rowByRow([0x41, 0]))),
        ),
      ),
    )
  },
}

interface RowSum {
  readonly from: Local
  readonly to: Local
  /** Counts columns. */
  readonly c: Local
  /** Columns that make up whole vectors of four. */
  readonly whole: Local
  readonly columns: Local
}

/** to[c] += from[c] over a row; both then stand behind it. */
const addRow = ({ from, to, c, whole, columns }: RowSum) =>
  seq(
    loop(c, 0, whole.get, 4, seq(v.store(to.get, v.add(v.load(to.get), v.load(from.get))), to.step(16), from.step(16))),
    loop(
      c,
      whole.get,
      columns.get,
      1,
      seq(f.store(to.get, f.add(f.load(to.get), f.load(from.get))), to.step(4), from.step(4)),
    ),
  )

/** (source, rows, columns, target): target[c] = Σ over rows, in their order. */
const columnSums: FunctionSpec = {
  name: 'columnSums',
  parameters: ['i32', 'i32', 'i32', 'i32'],
  body(parameters, scope) {
    const [source, rows, columns, target] = parameters as [Local, Local, Local, Local]
    const integer = (): Local => scope.local('i32')
    const [r, c, to, whole] = [0, 1, 2, 3].map(integer) as [Local, Local, Local, Local]
    const clear = seq(
      to.set(target.get),
      loop(c, 0, columns.get, 1, seq(f.store(to.get, [0x43, 0, 0, 0, 0]), to.step(4))),
    )
    return seq(
      clear,
      whole.set(and(columns.get, -4)),
      loop(r, 0, rows.get, 1, seq(to.set(target.get), addRow({ from: source, to, c, whole, columns }))),
    )
  },
}

/** (source, rows, columns, target, factor): target[r] = factor · Σ over columns. */
const rowSums: FunctionSpec = {
  name: 'rowSums',
  parameters: ['i32', 'i32', 'i32', 'i32', 'f32'],
  body(parameters, scope) {
    const [source, rows, columns, target, factor] = parameters as [Local, Local, Local, Local, Local]
    const [r, c, whole] = [0, 1, 2].map(() => scope.local('i32')) as [Local, Local, Local]
    const sums = scope.local('v128')
    const sum = scope.local('f32')
    return seq(
      whole.set(and(columns.get, -4)),
      loop(
        r,
        0,
        rows.get,
        1,
        seq(
          sums.set(v.constant(0)),
          loop(c, 0, whole.get, 4, seq(sums.set(v.add(sums.get, v.load(source.get))), source.step(16))),
          sum.set(
            f.add(f.add(v.lane(sums.get, 0), v.lane(sums.get, 1)), f.add(v.lane(sums.get, 2), v.lane(sums.get, 3))),
          ),
          loop(c, whole.get, columns.get, 1, seq(sum.set(f.add(sum.get, f.load(source.get))), source.step(4))),
          f.store(target.get, f.mul(sum.get, factor.get)),
          target.step(4),
        ),
      ),
    )
  },
}

/** (ids, count, rows, width, source, target): target row ids[i] += source row i; ids outside [0, rows) are left out. */
const scatterAdd: FunctionSpec = {
  name: 'scatterAdd',
  parameters: ['i32', 'i32', 'i32', 'i32', 'i32', 'i32'],
  body(parameters, scope) {
    const [ids, count, rows, width, source, target] = parameters as [...[Local, Local, Local, Local, Local, Local]]
    const [i, c, to, from, id] = [0, 1, 2, 3, 4].map(() => scope.local('i32')) as [Local, Local, Local, Local, Local]
    const [whole] = [scope.local('i32')]
    return seq(
      whole.set(and(width.get, -4)),
      loop(
        i,
        0,
        count.get,
        1,
        seq(
          id.set(loadInt(ids.get)),
          ids.step(4),
          from.set(add(source.get, mul(mul(i.get, width.get), 4))),
          either(
            [...id.get, ...rows.get, 0x49],
            seq(
              to.set(add(target.get, mul(mul(id.get, width.get), 4))),
              addRow({ from, to, c, whole, columns: width }),
            ),
            [],
          ),
        ),
      ),
    )
  },
}

export const movementFunctions: readonly FunctionSpec[] = [permute, columnSums, rowSums, scatterAdd]
