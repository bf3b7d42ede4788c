import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DriftlineError } from '../../core/errors.ts'
import { packageRoot } from '../../core/package-root.ts'
import { noExternalData } from './external-data.ts'
import type { Model, Tensor } from './model.ts'
import { ModelProtoSchema, TensorProtoSchema } from './onnx_pb.ts'
import { parseModel, readModel } from './parse.ts'
import { parseTensor } from './parse-tensor.ts'
import { replaceInitializers } from './replace-initializers.ts'
import { encodeModel, writeModel } from './write.ts'

const fixtures = join(packageRoot, 'test/fixtures/hf-classifiers')
const files = readdirSync(fixtures).filter((file) => file.endsWith('.onnx'))
const bytesOf = (file: string): Uint8Array => new Uint8Array(readFileSync(join(fixtures, file)))

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'onnx-file-'))
})
afterAll(() => rm(folder, { recursive: true }))

const invalid = (reason: RegExp) =>
  expect.objectContaining({ code: 'MODEL_INVALID', message: expect.stringMatching(reason) })

describe.each(files)('%s', (file) => {
  test('is the same model after it was written and read again', () => {
    const model = parseModel(bytesOf(file))
    expect(parseModel(encodeModel(model))).toEqual(model)
  })

  test('keeps every field of the file, those that we do not parse included', () => {
    const written = fromBinary(ModelProtoSchema, encodeModel(parseModel(bytesOf(file))))
    const original = fromBinary(ModelProtoSchema, bytesOf(file))
    expect(plain(written)).toEqual(plain(original))
  })
})

/** A message without regard to whether an empty string is spelled out, which says the same. */
const plain = (message: object): object =>
  JSON.parse(
    JSON.stringify(message, (key, value) => {
      if (value === '' || key === '$typeName') return undefined
      if (typeof value === 'bigint') return String(value)
      return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value
    }),
  )

test('one file carries stack traces in fields that we do not parse, and keeps them', () => {
  const stackTrace = Buffer.from('pkg.torch.onnx')
  expect(Buffer.from(encodeModel(parseModel(bytesOf('bert.dynamo.onnx')))).includes(stackTrace)).toBe(true)
})

describe('replaceInitializers', () => {
  const model = parseModel(bytesOf('bert.torchscript.onnx'))
  const name = 'model.classifier.bias'

  test('changes the named values and nothing else', () => {
    const changed = replaceInitializers(model, new Map([[name, Float32Array.of(1, 2, 3)]]))
    const read = parseModel(encodeModel(changed))
    expect(read.graph.initializers.get(name)?.data).toEqual(Float32Array.of(1, 2, 3))
    const back = replaceInitializers(read, new Map([[name, model.graph.initializers.get(name)?.data as Float32Array]]))
    expect(encodeModel(back)).toEqual(encodeModel(model))
  })

  test('keeps float16 initialisers float16', () => {
    const half: Tensor = { name: 'h', type: 'float16', dims: [2], data: Uint16Array.of(0, 0) }
    const graph = { ...model.graph, initializers: new Map([['h', half]]) }
    const changed = replaceInitializers({ ...model, graph }, new Map([['h', Float32Array.of(1, -2)]]))
    expect(changed.graph.initializers.get('h')).toMatchObject({ type: 'float16', data: Uint16Array.of(0x3c00, 0xc000) })
  })

  test('refuses an unknown name, another number of values and integers', () => {
    const replace = (key: string, values: Float32Array) => () => replaceInitializers(model, new Map([[key, values]]))
    const integers = [...model.graph.initializers.values()].find(({ type }) => type === 'int64')
    expect(replace('nobody', new Float32Array(3))).toThrow(invalid(/no such initialiser/))
    expect(replace(name, new Float32Array(4))).toThrow(invalid(/another number/))
    if (integers !== undefined) {
      expect(replace(integers.name, new Float32Array(integers.data.length))).toThrow(invalid(/not a float/))
    }
  })
})

describe('tensors', () => {
  const parse = (fields: Parameters<typeof create<typeof TensorProtoSchema>>[1]) =>
    parseTensor(create(TensorProtoSchema, fields), noExternalData)

  test('are read from typed fields too', () => {
    expect(parse({ dims: [2n], dataType: 1, floatData: [0.5, -1] }).data).toEqual(Float32Array.of(0.5, -1))
    expect(parse({ dims: [2n], dataType: 7, int64Data: [5n, -6n] }).data).toEqual(BigInt64Array.of(5n, -6n))
    expect(parse({ dims: [2n], dataType: 11, doubleData: [0.1, 2] }).data).toEqual(Float64Array.of(0.1, 2))
    expect(parse({ dims: [2n], dataType: 3, int32Data: [-1, 127] }).data).toEqual(Int8Array.of(-1, 127))
    expect(parse({ dims: [2n], dataType: 10, int32Data: [0x3c00, 0x8000] }).data).toEqual(
      Uint16Array.of(0x3c00, 0x8000),
    )
    expect(parse({ dims: [2n], dataType: 9, int32Data: [1, 0] }).data).toEqual(Uint8Array.of(1, 0))
    expect(parse({ dims: [1n], dataType: 12, uint64Data: [4294967295n] }).data).toEqual(Uint32Array.of(4294967295))
    expect(parse({ dims: [0n, 3n], dataType: 1 }).data).toEqual(new Float32Array(0))
  })

  test('of types that we do not compute with come back as they were', () => {
    const float8 = create(TensorProtoSchema, { name: 'f8', dims: [3n], dataType: 17, rawData: Uint8Array.of(1, 2, 3) })
    const model = parseModel(
      toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 8n, graph: { initializer: [float8] } })),
    )
    expect(model.graph.initializers.get('f8')?.type).toBe('other')
    const [tensor] = fromBinary(ModelProtoSchema, encodeModel(model)).graph?.initializer ?? []
    expect(tensor?.rawData).toEqual(Uint8Array.of(1, 2, 3))
  })

  test('share memory with the file where they are large and aligned, and are right where they are not', () => {
    const data = Float32Array.from({ length: 2 ** 15 }, (_, index) => index)
    const raw = new Uint8Array(data.buffer)
    for (const shift of [0, 1]) {
      const file = new Uint8Array(raw.length + shift)
      file.set(raw, shift)
      const tensor = parse({ dims: [BigInt(data.length)], dataType: 1, rawData: file.subarray(shift) })
      expect(tensor.data).toEqual(data)
      expect(tensor.data.buffer === file.buffer).toBe(shift === 0)
    }
  })

  test('whose shape and contents disagree are refused before anything is allocated', () => {
    const raw = new Uint8Array(8)
    expect(() => parse({ dims: [3n], dataType: 1, rawData: raw })).toThrow(invalid(/as many elements/))
    expect(() => parse({ dims: [2n ** 40n], dataType: 1, rawData: raw })).toThrow(invalid(/as many elements/))
    expect(() => parse({ dims: [-2n], dataType: 1, rawData: raw })).toThrow(invalid(/no size/))
    expect(() => parse({ dims: [2n], dataType: 1, rawData: raw.subarray(1) })).toThrow(invalid(/cut off/))
  })
})

describe('external data', () => {
  const model = parseModel(bytesOf('distilbert.dynamo.onnx'))

  const located = (entries: Record<string, string>): Uint8Array => {
    const externalData = Object.entries(entries).map(([key, value]) => ({ key, value }))
    const initializer = [{ name: 'w', dims: [2n], dataType: 1, dataLocation: 1, externalData }]
    return toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 8n, graph: { initializer } }))
  }
  const reading = async (entries: Record<string, string>): Promise<Model> => {
    await writeFile(join(folder, 'located.onnx'), located(entries))
    await writeFile(join(folder, 'weights'), new Uint8Array(16))
    return readModel(join(folder, 'located.onnx'))
  }

  test('is written beside the model, page by page, and read back', async () => {
    const path = join(folder, 'outside.onnx')
    expect(await writeModel(path, model, { externalFile: 'outside.bin' })).toEqual(['outside.onnx', 'outside.bin'])
    expect(readFileSync(path).length).toBeLessThan(60_000)
    expect(await readModel(path)).toEqual(model)
  })

  test('is used by itself when the model is too large for one file', async () => {
    const path = join(folder, 'large.onnx')
    expect(await writeModel(path, model, { maxBytes: 10_000 })).toEqual(['large.onnx', 'large.onnx_data'])
    expect(await readModel(path)).toEqual(model)
    expect(await writeModel(path, model)).toEqual(['large.onnx'])
  })

  test('may not lie outside the directory, nor be reached by a link out of it', async () => {
    await symlink('/etc/hostname', join(folder, 'link'))
    for (const location of ['../weights', '/etc/hostname', 'a/../../weights', '', 'link', 'w\0']) {
      await expect(reading({ location })).rejects.toThrow(invalid(/external data|link/))
    }
  })

  test('that is missing, short or nonsense is refused', async () => {
    await expect(reading({ location: 'nowhere' })).rejects.toThrow(invalid(/missing/))
    await expect(reading({ location: 'weights', offset: '12' })).rejects.toThrow(invalid(/as many elements/))
    await expect(reading({ location: 'weights', offset: '99' })).rejects.toThrow(invalid(/too early/))
    await expect(reading({ location: 'weights', length: '999999999999' })).rejects.toThrow(invalid(/too early/))
    await expect(reading({ location: 'weights', length: '-8' })).rejects.toThrow(invalid(/no valid length/))
    await expect(reading({ location: '.' })).rejects.toThrow(invalid(/./))
    expect(
      (await reading({ location: 'weights', offset: '4', length: '8' })).graph.initializers.get('w')?.dims,
    ).toEqual([2])
  })

  test('cannot be meant by a model that comes from memory', () => {
    expect(() => parseModel(located({ location: 'weights' }))).toThrow(invalid(/another file/))
  })

  test('that was cut after it was written is noticed', async () => {
    const path = join(folder, 'cut.onnx')
    await writeModel(path, model, { externalFile: 'cut.bin' })
    await truncate(join(folder, 'cut.bin'), 5_000)
    await expect(readModel(path)).rejects.toThrow(invalid(/too early/))
  })
})

describe('damaged files', () => {
  const original = bytesOf('distilbert.dynamo.onnx')
  /** Reads, or refuses with the code; anything else is a bug. */
  const outcome = (bytes: Uint8Array): string => {
    try {
      parseModel(bytes)
      return 'read'
    } catch (error) {
      if (error instanceof DriftlineError && error.code === 'MODEL_INVALID') return 'refused'
      throw error
    }
  }

  test('that are cut off anywhere are refused or read, never worse', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: original.length - 1 }), (length) => {
        expect(['read', 'refused']).toContain(outcome(original.subarray(0, length))) // a cut between two fields leaves a file
      }),
      { numRuns: 150 },
    )
  })

  test('with flipped bytes are refused or read, never worse', () => {
    const flips = fc.array(fc.tuple(fc.nat(original.length - 1), fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 9,
    })
    fc.assert(
      fc.property(flips, (changes) => {
        const damaged = new Uint8Array(original)
        for (const [at, by] of changes) damaged[at] = (damaged[at] ?? 0) ^ by
        expect(['read', 'refused']).toContain(outcome(damaged))
      }),
      { numRuns: 150 },
    )
  })

  test('of random bytes are refused or read, never worse', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => ['read', 'refused'].includes(outcome(bytes))))
  })

  test('that nest graphs without end are refused', () => {
    let graph: Uint8Array = new Uint8Array(0)
    for (let depth = 0; depth < 5_000; depth++) {
      const attribute = wrap(5, wrap(6, graph)) // attribute of a node ← graph of an attribute
      graph = wrap(1, attribute)
    }
    expect(outcome(wrap(7, graph))).toBe('refused')
  })

  test('that promise more than there is are refused at once', () => {
    const promise = new BinaryWriter()
      .tag(7, WireType.LengthDelimited)
      .uint32(2 ** 31 - 1)
      .finish()
    expect(outcome(promise)).toBe('refused')
  })

  test('are an empty file, a missing one and a folder', async () => {
    expect(outcome(new Uint8Array(0))).toBe('refused')
    await expect(readModel(join(folder, 'none.onnx'))).rejects.toThrow(invalid(/ENOENT/))
    await expect(readModel(folder)).rejects.toThrow(invalid(/EISDIR/))
  })
})

const wrap = (field: number, bytes: Uint8Array): Uint8Array =>
  new BinaryWriter().tag(field, WireType.LengthDelimited).bytes(bytes).finish()
