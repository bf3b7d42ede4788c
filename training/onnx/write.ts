import { open } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { toBinary } from '@bufbuild/protobuf'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { DriftlineError } from '../../core/errors.ts'
import { bytesOf } from './element-types.ts'
import type { Model, Tensor } from './model.ts'
import { GraphProtoSchema, ModelProtoSchema, TensorProtoSchema } from './onnx_pb.ts'
import { graphFrame, modelFrame, tensorFrame } from './to-proto.ts'

/** Protobuf's own limit for one message. */
const largestFile = 2 ** 31 - 1

/** Tensors of this size and more go into the external file, when there is one; smaller ones stay readable inside. */
const smallestExternal = 1024

/** What readers that map the file into memory want. */
const externalAlignment = 4096

export interface WriteOptions {
  /**
   * Name of a file, in the model's directory, for the large tensors. Default: none while the model fits into 2 GiB,
   * then the model's file name followed by `_data`.
   */
  readonly externalFile?: string | undefined
  /** Default 2³¹ − 1, the most that protobuf allows. */
  readonly maxBytes?: number | undefined
}

/**
 * Writes a model file. Tensors go from where they are to the disk, without a copy in memory. A crash leaves half a file:
 * who needs all or nothing writes into a new directory and renames that, as the registry does.
 *
 * @returns the names of the files written, in the directory of `path`
 */
export async function writeModel(path: string, model: Model, options: WriteOptions = {}): Promise<readonly string[]> {
  const inside = encode(model, undefined)
  const fits = inside.reduce((sum, chunk) => sum + chunk.byteLength, 0) <= (options.maxBytes ?? largestFile)
  const externalFile = options.externalFile ?? (fits ? undefined : `${basename(path)}_data`)
  if (externalFile === undefined) {
    await writeChunks(path, inside)
    return [basename(path)]
  }
  if (externalFile !== basename(externalFile) || externalFile === basename(path)) {
    throw new DriftlineError('MODEL_INVALID', { reason: 'external data needs a file of its own', externalFile })
  }
  const external = new ExternalFile(externalFile)
  await writeChunks(path, encode(model, external))
  await writeChunks(join(dirname(path), externalFile), external.chunks)
  return [basename(path), externalFile]
}

/** The bytes of the model file. @throws DriftlineError `MODEL_INVALID` past 2 GiB */
export function encodeModel(model: Model): Uint8Array {
  const chunks = encode(model, undefined)
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0)
  if (bytes > largestFile) throw new DriftlineError('MODEL_INVALID', { reason: 'larger than a file can be', bytes })
  const file = new Uint8Array(bytes)
  let end = 0
  for (const chunk of chunks) {
    file.set(chunk, end)
    end += chunk.byteLength
  }
  return file
}

/** Collects tensors for a second file. */
class ExternalFile {
  readonly chunks: Uint8Array[] = []
  readonly name: string
  #end = 0

  constructor(name: string) {
    this.name = name
  }

  /** @returns the offset */
  add(bytes: Uint8Array): number {
    const gap = (externalAlignment - (this.#end % externalAlignment)) % externalAlignment
    const offset = this.#end + gap
    if (gap > 0) this.chunks.push(new Uint8Array(gap))
    this.chunks.push(bytes)
    this.#end = offset + bytes.byteLength
    return offset
  }
}

/**
 * The file in pieces. The codec would copy each tensor three times on its way out (tensor, graph, model), so the frames
 * around the contents are written here: field 7 of a model is its graph, 5 of a graph an initialiser, 9 of a tensor its
 * bytes.
 */
function encode(model: Model, external: ExternalFile | undefined): Uint8Array[] {
  const tensors = [...model.graph.initializers].map(([name, tensor]) => field(5, encodeTensor(name, tensor, external)))
  const graph = [toBinary(GraphProtoSchema, graphFrame(model.graph)), ...tensors.flat()]
  return [toBinary(ModelProtoSchema, modelFrame(model)), ...field(7, graph)]
}

function encodeTensor(name: string, tensor: Tensor, external: ExternalFile | undefined): Uint8Array[] {
  const frame = tensorFrame({ ...tensor, name })
  if (tensor.type === 'other') return [toBinary(TensorProtoSchema, frame)]
  const bytes = bytesOf(tensor.data)
  if (external === undefined || bytes.byteLength < smallestExternal) {
    return [toBinary(TensorProtoSchema, frame), ...field(9, [bytes])]
  }
  const entries = { location: external.name, offset: String(external.add(bytes)), length: String(bytes.byteLength) }
  for (const [key, value] of Object.entries(entries)) {
    frame.externalData.push({ $typeName: 'onnx.StringStringEntryProto', key, value })
  }
  frame.dataLocation = 1
  return [toBinary(TensorProtoSchema, frame)]
}

/** A length-delimited field around `chunks`. */
function field(number: number, chunks: readonly Uint8Array[]): Uint8Array[] {
  const length = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0)
  const head = new BinaryWriter().uint32((number << 3) | WireType.LengthDelimited)
  return [varint(head, length), ...chunks]
}

/** Past 4 GiB `uint32` would refuse; such a model is only measured, to decide that it needs an external file. */
const varint = (writer: BinaryWriter, value: number): Uint8Array => writer.uint64(value).finish()

async function writeChunks(path: string, chunks: readonly Uint8Array[]): Promise<void> {
  const file = await open(path, 'w')
  try {
    for (const chunk of chunks) await file.writeFile(chunk)
  } finally {
    await file.close()
  }
}
