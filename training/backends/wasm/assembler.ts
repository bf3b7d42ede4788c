/**
 * A small assembler for WebAssembly with SIMD: kernels are written as TypeScript that yields instructions, and become a
 * module when a backend starts (about a millisecond), so that no binary and no other compiler is part of the project.
 *
 * @see https://webassembly.github.io/spec/core/binary/ for the encoding, and …/simd for the vector instructions
 */

/** Instructions in stack order; an expression leaves one value. */
export type Code = readonly number[]

export type ValueType = 'i32' | 'f32' | 'v128'
const typeCodes: Readonly<Record<ValueType, number>> = { i32: 0x7f, f32: 0x7d, v128: 0x7b }

/** A local variable or parameter. */
export interface Local {
  readonly get: Code
  set(value: Code): Code
  /** Adds a constant number of bytes or counts. */
  step(by: number | Code): Code
}

export interface FunctionBody {
  local(type: ValueType): Local
}

export interface FunctionSpec {
  readonly name: string
  readonly parameters: readonly ValueType[]
  readonly body: (locals: readonly Local[], scope: FunctionBody) => Code
}

const unsigned = (value: number): number[] => {
  const bytes: number[] = []
  let rest = value >>> 0
  do {
    const low = rest & 0x7f
    rest >>>= 7
    bytes.push(rest === 0 ? low : low | 0x80)
  } while (rest !== 0)
  return bytes
}

const signed = (value: number): number[] => {
  const bytes: number[] = []
  let rest = value | 0
  for (;;) {
    const low = rest & 0x7f
    rest >>= 7
    const last = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)
    bytes.push(last ? low : low | 0x80)
    if (last) return bytes
  }
}

const floatBytes = (value: number): number[] => [...new Uint8Array(Float32Array.of(value).buffer)]

export const seq = (...parts: readonly Code[]): Code => parts.flat()

export const i32 = (value: number): Code => [0x41, ...signed(value)]
export const f32 = (value: number): Code => [0x43, ...floatBytes(value)]
const code = (value: number | Code): Code => (typeof value === 'number' ? i32(value) : value)

const binary =
  (...opcode: readonly number[]) =>
  (left: Code, right: number | Code): Code => [...left, ...code(right), ...opcode]
const vectorBinary =
  (opcode: number) =>
  (left: Code, right: Code): Code => [...left, ...right, 0xfd, ...unsigned(opcode)]
const vectorUnary =
  (opcode: number) =>
  (value: Code): Code => [...value, 0xfd, ...unsigned(opcode)]

export const add = binary(0x6a)
export const sub = binary(0x6b)
export const mul = binary(0x6c)
export const and = binary(0x71)
const lessThan = binary(0x49)
export const atMost = binary(0x4d)
export const equal = binary(0x46)
/** The smaller one, unsigned; both are evaluated twice. */
export const least = (left: Code, right: number | Code): Code => [
  ...left,
  ...code(right),
  ...lessThan(left, right),
  0x1b,
]

const floatBinary =
  (opcode: number) =>
  (left: Code, right: Code): Code => [...left, ...right, opcode]
export const f = {
  add: floatBinary(0x92),
  sub: floatBinary(0x93),
  mul: floatBinary(0x94),
  div: floatBinary(0x95),
  max: floatBinary(0x97),
  sqrt: (value: Code): Code => [...value, 0x91],
  load: (address: Code, offset = 0): Code => [...address, 0x2a, 2, ...unsigned(offset)],
  store: (address: Code, value: Code, offset = 0): Code => [...address, ...value, 0x38, 2, ...unsigned(offset)],
}
export const loadInt = (address: Code, offset = 0): Code => [...address, 0x28, 2, ...unsigned(offset)]

/** Vectors of four floats; addresses need no alignment. */
export const v = {
  load: (address: Code, offset = 0): Code => [...address, 0xfd, 0x00, 2, ...unsigned(offset)],
  /** One float in all four lanes. */
  loadSplat: (address: Code, offset = 0): Code => [...address, 0xfd, 0x09, 2, ...unsigned(offset)],
  store: (address: Code, value: Code, offset = 0): Code => [...address, ...value, 0xfd, 0x0b, 2, ...unsigned(offset)],
  splat: vectorUnary(0x13),
  constant: (value: number): Code => {
    const bytes = floatBytes(value)
    return [0xfd, 0x0c, ...bytes, ...bytes, ...bytes, ...bytes]
  },
  intConstant: (value: number): Code => {
    const bytes = [...new Uint8Array(Int32Array.of(value).buffer)]
    return [0xfd, 0x0c, ...bytes, ...bytes, ...bytes, ...bytes]
  },
  lane: (value: Code, lane: 0 | 1 | 2 | 3): Code => [...value, 0xfd, 0x1f, lane],
  /** Lanes of `left` are 0 to 3, those of `right` 4 to 7. */
  shuffle: (left: Code, right: Code, lanes: readonly [number, number, number, number]): Code => [
    ...left,
    ...right,
    0xfd,
    0x0d,
    ...lanes.flatMap((lane) => [lane * 4, lane * 4 + 1, lane * 4 + 2, lane * 4 + 3]),
  ],
  add: vectorBinary(0xe4),
  sub: vectorBinary(0xe5),
  mul: vectorBinary(0xe6),
  div: vectorBinary(0xe7),
  /** a · b + c, rounded once or twice as the processor does it: relaxed SIMD, see `hasRelaxedSimd`. */
  multiplyAdd: (a: Code, b: Code, c: Code): Code => [...a, ...b, ...c, 0xfd, ...unsigned(0x105)],
  min: vectorBinary(0xe8),
  max: vectorBinary(0xe9),
  abs: vectorUnary(0xe0),
  neg: vectorUnary(0xe1),
  sqrt: vectorUnary(0xe3),
  nearest: vectorUnary(0x6a),
  toInt: vectorUnary(0xf8),
  intAdd: vectorBinary(0xae),
  intShiftLeft: (value: Code, by: number): Code => [...value, ...i32(by), 0xfd, ...unsigned(0xab)],
  bitAnd: vectorBinary(0x4e),
  bitOr: vectorBinary(0x50),
}

/** `do { body } while (condition)` */
const doWhile = (body: Code, condition: Code): Code => [0x03, 0x40, ...body, ...condition, 0x0d, 0, 0x0b]

export const when = (condition: Code, then: Code): Code => [...condition, 0x04, 0x40, ...then, 0x0b]

export const either = (condition: Code, then: Code, otherwise: Code): Code => [
  ...condition,
  0x04,
  0x40,
  ...then,
  0x05,
  ...otherwise,
  0x0b,
]

/** `for (at = from; at < to; at += by) body`, unsigned. */
export const loop = (at: Local, from: number | Code, to: Code, by: number, body: Code): Code =>
  seq(at.set(code(from)), when(lessThan(at.get, to), doWhile(seq(body, at.step(by)), lessThan(at.get, to))))

const vector = (items: readonly (readonly number[])[]): number[] => [...unsigned(items.length), ...items.flat()]
const section = (id: number, content: readonly number[]): number[] => [id, ...unsigned(content.length), ...content]
const text = (value: string): number[] => {
  const bytes = [...new TextEncoder().encode(value)]
  return [...unsigned(bytes.length), ...bytes]
}

/** A module that imports memory `env.memory` and exports the functions; they return nothing. */
export function assemble(functions: readonly FunctionSpec[]): Uint8Array {
  const types = functions.map(({ parameters }) => [0x60, ...vector(parameters.map((type) => [typeCodes[type]])), 0])
  const bodies = functions.map((spec) => {
    const bytes = bodyOf(spec)
    return [...unsigned(bytes.length), ...bytes]
  })
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector(types)),
    ...section(2, vector([[...text('env'), ...text('memory'), 0x02, 0x00, 0]])),
    ...section(3, vector(functions.map((_, index) => unsigned(index)))),
    ...section(7, vector(functions.map(({ name }, index) => [...text(name), 0x00, ...unsigned(index)]))),
    ...section(10, vector(bodies)),
  ])
}

function bodyOf({ parameters, body }: FunctionSpec): number[] {
  const locals: ValueType[] = []
  const localAt = (index: number): Local => {
    const get = [0x20, ...unsigned(index)]
    const set = (value: Code): Code => [...value, 0x21, ...unsigned(index)]
    return { get, set, step: (by) => set(add(get, by)) }
  }
  const scope: FunctionBody = {
    local(type) {
      locals.push(type)
      return localAt(parameters.length + locals.length - 1)
    },
  }
  const instructions = body(
    parameters.map((_, index) => localAt(index)),
    scope,
  )
  return [...vector(locals.map((type) => [1, typeCodes[type]])), ...instructions, 0x0b]
}

/** Whether this Node knows relaxed SIMD: those from 22 on do. */
export const hasRelaxedSimd = (): boolean =>
  WebAssembly.validate(
    assemble([
      {
        name: 'fused',
        parameters: ['v128'],
        body: ([x]) => (x === undefined ? [] : x.set(v.multiplyAdd(x.get, x.get, x.get))),
      },
    ]),
  )
