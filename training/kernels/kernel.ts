import { z } from 'zod'
import { DriftlineError } from '../../core/errors.ts'
import * as tf from '../tf.ts'
import type { HostTensor } from './host-tensor.ts'
import { download, isDevice, upload, type Value } from './value.ts'

/**
 * How a kernel takes an input: `tensor` on the backend, `host` on the host (downloaded when it must be), `any` wherever it
 * is. `?` marks an input that may be left out; `tensors` takes all inputs from here on.
 */
export type Kind = 'tensor' | 'tensor?' | 'host' | 'host?' | 'any' | 'tensors'

type Taken<K extends Kind> = K extends 'tensor'
  ? tf.Tensor
  : K extends 'tensor?'
    ? tf.Tensor | undefined
    : K extends 'host'
      ? HostTensor
      : K extends 'host?'
        ? HostTensor | undefined
        : K extends 'any'
          ? Value
          : readonly tf.Tensor[]

type OnHost<K extends Kind> = K extends 'tensors'
  ? readonly HostTensor[]
  : K extends 'tensor?' | 'host?'
    ? HostTensor | undefined
    : HostTensor

export interface Context {
  /** How many outputs the node names. */
  readonly outputs: number
}

export interface Definition<I extends Record<string, Kind>, A> {
  readonly op: string
  /** Default: '', the standard one. */
  readonly domain?: string
  /** The first opset of which this definition holds. */
  readonly since: number
  /** In the order of the specification. */
  readonly inputs: I
  /** How many outputs it can give; default 1. */
  readonly outputs?: number
  /** Unknown attributes are refused: a setting that is passed over would change the numbers. */
  readonly attrs?: z.ZodType<A>
  /** When no input is on the backend: the same on the host. Without it the inputs are uploaded and `run` is used. */
  readonly host?: (inputs: { [N in keyof I]: OnHost<I[N]> }, attrs: A, context: Context) => Outputs<HostTensor>
  /** Composed of differentiable operations. Intermediate tensors are released by the caller. */
  readonly run: (inputs: { [N in keyof I]: Taken<I[N]> }, attrs: A, context: Context) => Outputs<Value>
}

type Outputs<V> = V | readonly V[]

/** Attributes as plain values; a tensor as a `HostTensor`. */
export type Attributes = Readonly<Record<string, AttributeValue>>
export type AttributeValue = number | string | readonly number[] | readonly string[] | HostTensor

export type Bound = (inputs: readonly (Value | undefined)[], context: Context) => readonly Value[]

export interface Kernel {
  readonly op: string
  readonly domain: string
  readonly since: number
  /** How many outputs it can give. */
  readonly outputs: number
  /** Whether inputs on the host give outputs on the host. */
  readonly onHost: boolean
  /** Checks the attributes once. @throws z.ZodError */
  bind(attributes: Attributes): Bound
}

const none = z.strictObject({})

/** The casts below hold by construction: `collect` gives each name of `inputs` what its kind asks for. */
export function kernel<const I extends Record<string, Kind>, A = Record<string, never>>(
  definition: Definition<I, A>,
): Kernel {
  const { op, domain = '', since, outputs = 1 } = definition
  const names = Object.entries<Kind>(definition.inputs)
  return {
    op,
    domain,
    since,
    outputs,
    onHost: definition.host !== undefined,
    bind(attributes) {
      const attrs = (definition.attrs ?? none).parse(attributes) as A
      return (inputs, context) => {
        if (inputs.length > names.length && !names.some(([, kind]) => kind === 'tensors')) {
          throw new DriftlineError('MODEL_INVALID', { reason: 'too many inputs', op, inputs: inputs.length })
        }
        const onHost = inputs.every((input) => input === undefined || !isDevice(input))
        if (onHost && definition.host !== undefined) {
          const taken = collect(op, names, inputs, download) as Parameters<NonNullable<typeof definition.host>>[0]
          return list(definition.host(taken, attrs, context))
        }
        const taken = collect(op, names, inputs, upload) as Parameters<typeof definition.run>[0]
        // The program releases inputs after their last use, so that an output needs a tensor of its own.
        return list(definition.run(taken, attrs, context)).map((value) =>
          isDevice(value) && inputs.includes(value) ? tf.clone(value) : value,
        )
      }
    },
  }
}

const list = <V>(outputs: Outputs<V>): readonly V[] => (Array.isArray(outputs) ? outputs : [outputs as V])

function collect(
  op: string,
  names: readonly (readonly [string, Kind])[],
  inputs: readonly (Value | undefined)[],
  move: (value: Value) => Value,
): Record<string, Value | undefined | readonly Value[]> {
  const taken: Record<string, Value | undefined | readonly Value[]> = {}
  for (const [index, [name, kind]] of names.entries()) {
    const value = inputs[index]
    if (kind === 'tensors') {
      taken[name] = inputs.slice(index).flatMap((each) => (each === undefined ? [] : [move(each)]))
    } else if (value === undefined) {
      if (!kind.endsWith('?')) throw new DriftlineError('MODEL_INVALID', { reason: `${name} is missing`, op })
      taken[name] = undefined
    } else {
      taken[name] = kind === 'any' ? value : kind.startsWith('host') ? download(value) : move(value)
    }
  }
  return taken
}
