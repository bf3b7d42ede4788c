import { z } from 'zod'
import { DriftlineError, messageOf } from '../core/errors.ts'
import { attributesOf } from './attributes.ts'
import { fromTensor, type HostTensor, only } from './kernels/host-tensor.ts'
import { kernelFor } from './kernels/index.ts'
import { download, isDevice, type Value } from './kernels/value.ts'
import type { Graph, Model, Node, Tensor } from './onnx/model.ts'
import * as tf from './tf.ts'

/** Nodes in order, each with what it runs and which values nobody needs after it. */
export interface Plan {
  readonly steps: readonly Step[]
  /** Values known without running anything: constants, and what follows from them alone. */
  readonly constants: ReadonlyMap<string, HostTensor>
  readonly outputs: readonly string[]
}

interface Step {
  readonly node: Node
  /** Of the node; '' for one that nobody wants, or that is given already. */
  readonly outputs: readonly string[]
  readonly run: (scope: Scope) => readonly Value[]
  /** Names of all values it may read. */
  readonly reads: readonly string[]
  /** Names of the values that no later step reads. */
  readonly dead: readonly string[]
}

/** Values by name; a branch of an `If` sees those around it. */
export type Scope = ReadonlyMap<string, Value>

/** A folded constant may be as large as this; a larger one is computed in each run. */
const largestFolded = 2 ** 20

/** A float initialiser of one dimension or more: scalars are the constants of formulas (√d, ½, −3.4·10³⁸). */
export const isParameter = ({ type, dims }: Tensor): boolean =>
  (type === 'float32' || type === 'float16') && dims.length > 0

export interface PlanOptions {
  readonly opsets: Model['opsets']
  readonly outputs: readonly string[]
  /** Values that exist before the first step. */
  readonly given: ReadonlySet<string>
  /** Constants around a branch. */
  readonly constants?: ReadonlyMap<string, HostTensor>
}

/**
 * @throws DriftlineError `OPERATOR_UNSUPPORTED`; `MODEL_INVALID` when a value is used that nothing makes before
 */
export function plan(graph: Graph, options: PlanOptions): Plan {
  const nodes = needed(graph, options)
  const constants = new Map(options.constants)
  for (const [name, tensor] of graph.initializers) {
    const value = options.given.has(name) ? undefined : fromTensor(tensor)
    if (value !== undefined) constants.set(name, value)
  }
  const available = new Set([...options.given, ...constants.keys()])
  const made = new Set(constants.keys())
  const steps: Omit<Step, 'dead'>[] = []
  for (const node of nodes) {
    for (const name of valuesReadBy(node)) {
      if (!available.has(name)) throw new DriftlineError('MODEL_INVALID', { reason: 'nothing makes a value', name })
    }
    const step =
      node.op === 'If' && node.domain === '' ? branching(node, options, available, constants) : simple(node, options)
    const known = step.foldable && valuesReadBy(node).every((name) => constants.has(name))
    if (!known || !fold(node, step, constants)) {
      const outputs = node.outputs.map((name) => (options.given.has(name) ? '' : name))
      steps.push({ node, outputs, run: step.run, reads: valuesReadBy(node) })
    }
    for (const name of node.outputs) {
      if (name === '' || options.given.has(name)) continue
      if (made.has(name)) throw new DriftlineError('MODEL_INVALID', { reason: 'a value is made twice', name })
      made.add(name)
      available.add(name)
    }
  }
  for (const name of options.outputs) {
    if (!available.has(name)) throw new DriftlineError('MODEL_INVALID', { reason: 'no such value', name })
  }
  return {
    steps: withDead(steps, options.outputs),
    constants: used(constants, steps, options.outputs),
    outputs: options.outputs,
  }
}

/** The nodes that the outputs depend on, in the order of the graph. */
function needed(graph: Graph, { outputs, given }: PlanOptions): Node[] {
  const wanted = new Set(outputs)
  const nodes: Node[] = []
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((name) => wanted.has(name) && !given.has(name))) continue
    for (const name of valuesReadBy(node)) wanted.add(name)
    nodes.push(node)
  }
  return nodes.reverse()
}

/** Names of the values that a node reads, those that its branches take from outside included. */
export function valuesReadBy(node: Node): string[] {
  const inner = Object.values(node.attributes).flatMap((attribute) => {
    if (attribute.kind !== 'graph') return []
    const { nodes, initializers, outputs } = attribute.value
    const made = new Set([...initializers.keys(), ...nodes.flatMap((each) => each.outputs)])
    return [...nodes.flatMap(valuesReadBy), ...outputs.map(({ name }) => name)].filter((name) => !made.has(name))
  })
  return [...node.inputs, ...inner].filter((name) => name !== '')
}

interface Runnable {
  readonly foldable: boolean
  readonly run: (scope: Scope) => readonly Value[]
}

function simple(node: Node, { opsets }: PlanOptions): Runnable {
  const opset = opsets.get(node.domain) ?? 0
  const kernel = kernelFor(node.domain, node.op, opset)
  const details = { op: node.op, domain: node.domain === '' ? 'ai.onnx' : node.domain, opset, node: node.name }
  if (kernel === undefined) throw new DriftlineError('OPERATOR_UNSUPPORTED', details)
  if (node.outputs.findLastIndex((name) => name !== '') >= kernel.outputs) {
    throw new DriftlineError('OPERATOR_UNSUPPORTED', { reason: `output ${kernel.outputs + 1}`, ...details })
  }
  try {
    const bound = kernel.bind(attributesOf(node))
    const context = { outputs: node.outputs.length }
    return {
      foldable: kernel.onHost,
      run: (scope) =>
        bound(
          node.inputs.map((name) => scope.get(name)),
          context,
        ),
    }
  } catch (error) {
    if (error instanceof DriftlineError) throw new DriftlineError(error.code, { ...error.details, ...details })
    if (!(error instanceof z.ZodError)) throw error
    throw new DriftlineError('OPERATOR_UNSUPPORTED', { reason: z.prettifyError(error), ...details }, { cause: error })
  }
}

/** Runs one of two graphs. Where the condition is a constant, the other one may hold anything. */
function branching(
  node: Node,
  options: PlanOptions,
  available: ReadonlySet<string>,
  constants: ReadonlyMap<string, HostTensor>,
): Runnable {
  const [condition = ''] = node.inputs
  const branch = (name: 'then_branch' | 'else_branch'): (() => Plan) => {
    const attribute = node.attributes[name]
    if (attribute?.kind !== 'graph') {
      throw new DriftlineError('MODEL_INVALID', { reason: 'an If without branches', node: node.name })
    }
    const { value: graph } = attribute
    return () =>
      plan(graph, {
        opsets: options.opsets,
        outputs: graph.outputs.map((each) => each.name),
        given: available,
        constants,
      })
  }
  const [whenTrue, whenFalse] = [branch('then_branch'), branch('else_branch')]
  const known = constants.get(condition)
  if (known !== undefined) {
    const chosen = only(known) === 1 ? whenTrue() : whenFalse()
    return { foldable: chosen.steps.length === 0, run: (scope) => owned(execute(chosen, scope), scope) }
  }
  const plans = [whenFalse(), whenTrue()] as const
  return {
    foldable: false,
    run: (scope) => {
      const value = scope.get(condition)
      return owned(execute(plans[value !== undefined && only(download(value)) === 1 ? 1 : 0], scope), scope)
    },
  }
}

/** Results with tensors of their own, also where a graph hands on what it was given: each is released by itself. */
export function owned(values: readonly Value[], around: Scope): readonly Value[] {
  const others = new Set(around.values())
  return values.map((value) => (isDevice(value) && others.has(value) ? tf.clone(value) : value))
}

/** Runs a step now and keeps what it gives as constants. @returns whether it did */
function fold(node: Node, step: Runnable, constants: Map<string, HostTensor>): boolean {
  const values = attempt(node, () => step.run(constants))
  const kept: [string, HostTensor][] = []
  for (const [index, name] of node.outputs.entries()) {
    const value = values[index]
    if (value === undefined || isDevice(value) || value.data.length > largestFolded) return false
    kept.push([name, value])
  }
  for (const [name, value] of kept) constants.set(name, value)
  return true
}

function withDead(steps: readonly Omit<Step, 'dead'>[], outputs: readonly string[]): Step[] {
  const seen = new Set(outputs)
  return steps
    .toReversed()
    .map((step) => {
      const dead = [...step.reads, ...step.outputs].filter((name) => !seen.has(name))
      for (const name of dead) seen.add(name)
      return { ...step, dead: [...new Set(dead)] }
    })
    .reverse()
}

/** Only what is still read. */
function used(
  constants: ReadonlyMap<string, HostTensor>,
  steps: readonly Omit<Step, 'dead'>[],
  outputs: readonly string[],
): ReadonlyMap<string, HostTensor> {
  const names = new Set([...steps.flatMap(({ reads }) => reads), ...outputs])
  return new Map([...constants].filter(([name]) => names.has(name)))
}

/** Runs the steps. A tensor is released after its last use; what gradients need of it, TensorFlow.js keeps by itself. */
export function execute(plan: Plan, around: Scope): readonly Value[] {
  const scope = new Map([...around, ...plan.constants])
  const made = new Set<string>()
  for (const { node, outputs, run, dead } of plan.steps) {
    let values: readonly Value[] = []
    tf.tidy(() => {
      values = attempt(node, () => run(scope))
      return values.filter(isDevice)
    })
    for (const [index, name] of outputs.entries()) {
      const value = values[index]
      if (name === '' || value === undefined) continue
      scope.set(name, value)
      made.add(name)
    }
    for (const name of dead) {
      const value = scope.get(name)
      if (made.has(name) && value !== undefined && isDevice(value)) value.dispose()
    }
  }
  return plan.outputs.map((name) => {
    const value = scope.get(name)
    if (value === undefined) throw new DriftlineError('MODEL_INVALID', { reason: 'no such value', name })
    return value
  })
}

/**
 * Says which node failed. TensorFlow.js refuses shapes by plain errors; those of memory and of the backend pass as they are.
 */
function attempt<T>(node: Node, run: () => T): T {
  try {
    return run()
  } catch (error) {
    const where = { op: node.op, node: node.name }
    if (error instanceof DriftlineError) {
      throw new DriftlineError(error.code, { ...where, ...error.details }, { cause: error })
    }
    if (!(error instanceof Error) || error.constructor !== Error) throw error
    throw new DriftlineError('MODEL_INVALID', { reason: messageOf(error), ...where }, { cause: error })
  }
}
