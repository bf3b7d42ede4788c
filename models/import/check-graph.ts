import { DriftlineError } from '../../core/errors.ts'

/** An input or output of a graph; a dimension is a size, or the name of one that varies. */
export interface Port {
  readonly name: string
  readonly type: string
  readonly shape: readonly (number | string)[] | undefined
}

export interface GraphPorts {
  /** Those that a run must be given: without initialisers. */
  readonly inputs: readonly Port[]
  readonly outputs: readonly Port[]
}

const knownInputs: readonly string[] = ['input_ids', 'attention_mask', 'token_type_ids']

/**
 * Whether a graph is a text classifier as Driftline runs it.
 *
 * @returns the number of classes, where the graph says it
 * @throws DriftlineError `MODEL_INVALID` saying what is different and how to export it
 */
export function checkGraph({ inputs, outputs }: GraphPorts, file = 'model.onnx'): number | undefined {
  const refuse = (reason: string): never => {
    throw new DriftlineError('MODEL_INVALID', { reason, file })
  }
  const strange = inputs.filter(({ name }) => !knownInputs.includes(name)).map(({ name }) => name)
  if (strange.length > 0) {
    refuse(`its inputs ${strange.join(', ')} are none of ${knownInputs.join(', ')}; export it for text classification`)
  }
  if (!inputs.some(({ name }) => name === 'input_ids'))
    refuse('it has no input input_ids; rename the input of token ids')
  for (const { name, type, shape } of inputs) {
    if (type !== 'int64') refuse(`its input ${name} is ${type}, not int64; export it with int64 inputs`)
    if (shape === undefined) continue
    if (shape.length !== 2) refuse(`its input ${name} has ${shape.length} dimensions, not [batch, tokens]`)
    if (shape.some((size) => typeof size === 'number')) {
      refuse(`its input ${name} is fixed to [${shape.join(', ')}]; export it with dynamic axes for batch and tokens`)
    }
  }
  const logits = outputs.find(({ name }) => name === 'logits')
  if (logits === undefined) {
    const names = outputs.map(({ name }) => name).join(', ')
    return refuse(`it has no output logits, only ${names}; export it for text classification, not as features`)
  }
  if (logits.type !== 'float32') refuse(`its output logits is ${logits.type}, not float32; use the float32 export`)
  if (logits.shape === undefined) return undefined
  const [rows, classes] = logits.shape
  if (logits.shape.length !== 2) {
    refuse(`its output logits has ${logits.shape.length} dimensions, not [batch, classes]; is it a token classifier?`)
  }
  if (typeof rows === 'number')
    refuse(`its output logits is fixed to ${rows} rows; export it with a dynamic batch axis`)
  return typeof classes === 'number' ? classes : undefined
}
