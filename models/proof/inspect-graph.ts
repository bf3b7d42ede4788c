import { DriftlineError, messageOf } from '../../core/errors.ts'
import type { Port } from '../import/check-graph.ts'
import { elementType, storedIn } from './element-sizes.ts'
import { whyNotRun } from './operators.ts'
import { refuse } from './refuse.ts'
import { countNumbers, type Field, fieldsOf, numbersOf } from './wire.ts'

/** What an ONNX file says about itself, read without making anything of it. */
export interface GraphFacts {
  readonly opsets: Readonly<Record<string, number>>
  /** In all graphs, those inside of nodes included. */
  readonly nodes: number
  /** Different ones, as `op` or `domain:op`, sorted. */
  readonly operators: readonly string[]
  /** Of constants, in the file. */
  readonly weightBytes: number
  /** Files beside it that tensors are in; empty unless they are allowed. */
  readonly external: readonly string[]
  /** Those that a run must be given: without initialisers. */
  readonly inputs: readonly Port[]
  readonly outputs: readonly Port[]
}

export interface InspectOptions {
  /** Name of the file, for errors. */
  readonly file: string
  /** Tensors in other files: only an import, which folds them into the graph, may have them. Default: refused. */
  readonly external?: 'allowed' | 'refused'
}

const most = { nodes: 100_000, depth: 8, rank: 16, name: 4096 }

/**
 * Looks through an ONNX file before anything is built from it: each node's operator must be a known one, each constant must hold
 * as many bytes as its shape claims, no tensor may lie elsewhere, and graphs may be nested eight deep. It reads the wire format
 * itself, in one pass without copies, so that no claim of the file costs memory.
 *
 * @throws DriftlineError `MODEL_INVALID` for what is no ONNX graph, `MODEL_UNSAFE` for what no model may do
 */
export function inspectGraph(onnx: Uint8Array, { file, external = 'refused' }: InspectOptions): GraphFacts {
  try {
    return new Inspection(file, external === 'allowed').model(onnx)
  } catch (error) {
    if (error instanceof DriftlineError) throw error
    return refuse('MODEL_INVALID', file, `it is not an ONNX file: ${messageOf(error)}`, error)
  }
}

interface GraphPorts {
  readonly inputs: Port[]
  readonly outputs: Port[]
}

class Inspection {
  readonly #file: string
  readonly #externalAllowed: boolean
  readonly #operators = new Set<string>()
  readonly #external = new Set<string>()
  #nodes = 0
  #weightBytes = 0

  constructor(file: string, externalAllowed: boolean) {
    this.#file = file
    this.#externalAllowed = externalAllowed
  }

  model(message: Uint8Array): GraphFacts {
    const opsets: [string, number][] = []
    let ports: GraphPorts | undefined
    for (const field of fieldsOf(message)) {
      if (field.no === 7) {
        // A parser would merge the two, and another one take the last.
        if (ports !== undefined) this.#invalid('it holds two graphs')
        ports = this.#graph(bytesOf(field), 0)
      } else if (field.no === 8) opsets.push(this.#opset(bytesOf(field)))
      else if (field.no === 25) this.#unsafe('it defines functions of its own; export it with them inlined')
    }
    if (ports === undefined) return this.#invalid('the file holds no graph')
    if (opsets.length === 0) this.#invalid('it names no opset')
    return {
      opsets: Object.fromEntries(opsets),
      nodes: this.#nodes,
      operators: [...this.#operators].sort(),
      weightBytes: this.#weightBytes,
      external: [...this.#external],
      ...ports,
    }
  }

  #opset(message: Uint8Array): [string, number] {
    let [domain, version] = ['', 0]
    for (const field of fieldsOf(message)) {
      if (field.no === 1) domain = this.#text(field)
      else if (field.no === 2) version = field.value
    }
    return [domain, version]
  }

  #graph(message: Uint8Array, depth: number): GraphPorts {
    if (depth > most.depth) this.#unsafe(`its graphs are nested deeper than ${most.depth}`)
    const [inputs, outputs]: [Port[], Port[]] = [[], []]
    const initializers = new Set<string>()
    for (const field of fieldsOf(message)) {
      if (field.no === 1) this.#node(bytesOf(field), depth)
      else if (field.no === 5) initializers.add(this.#tensor(bytesOf(field)))
      else if (field.no === 11) inputs.push(this.#port(bytesOf(field)))
      else if (field.no === 12) outputs.push(this.#port(bytesOf(field)))
      else if (field.no === 15) this.#unsafe('it has sparse constants, which grow when they are loaded')
    }
    return { inputs: inputs.filter(({ name }) => !initializers.has(name)), outputs } // up to IR 3 they are inputs as well
  }

  #node(message: Uint8Array, depth: number): void {
    if (++this.#nodes > most.nodes) this.#unsafe(`it has more than ${most.nodes} nodes`)
    let [op, domain] = ['', '']
    for (const field of fieldsOf(message)) {
      if (field.no === 4) op = this.#text(field)
      else if (field.no === 7) domain = this.#text(field)
      else if (field.no === 5) this.#attribute(bytesOf(field), depth)
    }
    const reason = whyNotRun(domain, op)
    if (reason !== undefined) this.#unsafe(reason)
    this.#operators.add(domain === '' || domain === 'ai.onnx' ? op : `${domain}:${op}`)
  }

  #attribute(message: Uint8Array, depth: number): void {
    for (const field of fieldsOf(message)) {
      if (field.no === 5 || field.no === 10) this.#tensor(bytesOf(field))
      else if (field.no === 6 || field.no === 11) this.#graph(bytesOf(field), depth + 1)
      else if (field.no === 22 || field.no === 23)
        this.#unsafe('it has sparse constants, which grow when they are loaded')
    }
  }

  /** @returns its name */
  #tensor(message: Uint8Array): string {
    const dims: number[] = []
    let [name, type, isExternal, location] = ['', 0, false, '']
    const stored = new Map<number, number>()
    for (const field of fieldsOf(message)) {
      const counted = storedIn.get(field.no)
      if (field.no === 1) dims.push(...numbersOf(field))
      else if (field.no === 2) type = field.value
      else if (field.no === 8) name = this.#text(field)
      else if (field.no === 13) location = this.#location(bytesOf(field)) ?? location
      else if (field.no === 14) isExternal = field.value !== 0
      else if (counted === 'bytes' && stored.has(field.no)) this.#invalid(`its constant ${name} holds its data twice`)
      else if (counted !== undefined) stored.set(field.no, (stored.get(field.no) ?? 0) + this.#stored(field, counted))
      if (dims.length > most.rank) this.#unsafe(`its constant ${name} has more than ${most.rank} dimensions`)
    }
    if (isExternal || location !== '') {
      if (!this.#externalAllowed) {
        this.#unsafe(
          `its constant ${name} lies in another file (external data: ${location}); models import folds it in`,
        )
      }
      this.#external.add(location)
      return name
    }
    this.#mustHold(name, dims, type, stored)
    return name
  }

  #stored(field: Field, counted: 'bytes' | 'numbers' | 'floats' | 'doubles' | 'strings'): number {
    if (counted === 'strings') return 1
    if (counted === 'numbers') return countNumbers(field)
    const size = { bytes: 1, floats: 4, doubles: 8 }[counted]
    return field.value / size
  }

  /** A shape is a claim: onnxruntime allocates what it says before it looks at what there is. */
  #mustHold(name: string, dims: readonly number[], type: number, stored: ReadonlyMap<number, number>): void {
    if (dims.some((size) => size < 0)) this.#invalid(`its constant ${name} has a negative size`)
    const element = elementType(type) ?? this.#invalid(`its constant ${name} has the unknown element type ${type}`)
    const count = dims.reduce((product, size) => product * size, 1)
    const raw = stored.get(9)
    const held = raw ?? stored.get(element.field) ?? 0
    const claimed = raw === undefined ? element.numbers(count) : Math.ceil(count * element.bytes)
    if (held !== claimed || (raw !== undefined && element.bytes === 0)) {
      const unit = raw === undefined ? 'values' : 'bytes'
      this.#invalid(`its constant ${name} claims [${dims.join(', ')}], ${claimed} ${unit}, and holds ${held}`)
    }
    for (const field of stored.keys()) {
      if (field !== (raw === undefined ? element.field : 9)) this.#invalid(`its constant ${name} holds its data twice`)
    }
    this.#weightBytes += raw ?? Math.ceil(count * element.bytes)
  }

  #location(message: Uint8Array): string | undefined {
    let [key, value] = ['', '']
    for (const field of fieldsOf(message)) {
      if (field.no === 1) key = this.#text(field)
      else if (field.no === 2) value = this.#text(field)
    }
    return key === 'location' ? value : undefined
  }

  #port(message: Uint8Array): Port {
    let [name, type]: [string, string] = ['', 'other']
    let shape: (number | string)[] | undefined
    for (const field of fieldsOf(message)) {
      if (field.no === 1) name = this.#text(field)
      else if (field.no === 2) {
        for (const kind of fieldsOf(bytesOf(field))) {
          if (kind.no !== 1) continue // sequences, maps, optionals: none is a tensor
          for (const part of fieldsOf(bytesOf(kind))) {
            if (part.no === 1) type = elementType(part.value)?.name ?? 'other'
            else if (part.no === 2) shape = this.#shape(bytesOf(part))
          }
        }
      }
    }
    return { name, type, shape }
  }

  #shape(message: Uint8Array): (number | string)[] {
    const shape: (number | string)[] = []
    for (const field of fieldsOf(message)) {
      if (field.no !== 1) continue
      let size: number | string = ''
      for (const part of fieldsOf(bytesOf(field))) {
        if (part.no === 1) size = part.value
        else if (part.no === 2) size = this.#text(part)
      }
      shape.push(size)
      if (shape.length > most.rank) this.#unsafe(`it has an input or output of more than ${most.rank} dimensions`)
    }
    return shape
  }

  #text(field: Field): string {
    const bytes = bytesOf(field)
    if (bytes.length > most.name) this.#unsafe(`a name in it has ${bytes.length} bytes`)
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  }

  #invalid(reason: string): never {
    return refuse('MODEL_INVALID', this.#file, reason)
  }

  #unsafe(reason: string): never {
    return refuse('MODEL_UNSAFE', this.#file, reason)
  }
}

function bytesOf(field: Field): Uint8Array {
  if (field.kind !== 'bytes') throw new Error(`field ${field.no} is a number where a message belongs`)
  return field.bytes
}
