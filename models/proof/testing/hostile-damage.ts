import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Random } from '../../../core/random.ts'
import type { Draft, Recipe } from './recipe.ts'

type Damage = (content: Uint8Array, random: Random) => Uint8Array

const below = (random: Random, limit: number): number => Math.floor(random() * limit)

const flip =
  (most: number): Damage =>
  (content, random) => {
    const damaged = Uint8Array.from(content)
    for (let flips = 1 + below(random, most); flips > 0; flips--) {
      const at = below(random, damaged.length)
      damaged[at] = (damaged[at] ?? 0) ^ (1 << below(random, 8))
    }
    return damaged
  }

const damage: Readonly<Record<string, Damage>> = {
  'one bit flipped': flip(1),
  'bits flipped': flip(32),
  'cut off': (content, random) => content.slice(0, below(random, content.length)),
  'zeros in the middle': (content, random) => {
    const damaged = Uint8Array.from(content)
    const at = below(random, damaged.length)
    return damaged.fill(0, at, Math.min(damaged.length, at + 1 + below(random, 256)))
  },
  'a piece twice': (content, random) => {
    const at = below(random, content.length)
    return new Uint8Array(Buffer.concat([content.subarray(0, at), content.subarray(Math.max(0, at - 64))]))
  },
  'noise at the end': (content, random) =>
    new Uint8Array(Buffer.concat([content, Buffer.from(Array.from({ length: 64 }, () => below(random, 256)))])),
  'a stretch of noise': (content, random) => {
    const damaged = Uint8Array.from(content)
    const at = below(random, damaged.length)
    for (let end = Math.min(damaged.length, at + 128) - 1; end >= at; end--) damaged[end] = below(random, 256)
    return damaged
  },
}

const files = ['model.onnx', 'tokenizer.json', 'config.json', 'golden.json'] as const
const anyFault = ['MODEL_INVALID', 'MODEL_UNSAFE', 'MODEL_TOO_COSTLY', 'MODEL_CRASHED'] as const

/** Damage that the hash tells, and, with the hash made right, damage that only a look at the contents can tell. */
export const damages: readonly Recipe[] = [
  ...files.flatMap((file) =>
    Object.entries(damage).flatMap(([name, act]): Recipe[] => [
      {
        group: 'damage, the hash tells',
        name: `${file}: ${name}`,
        refused: ['MODEL_INVALID'],
        make: (draft, random) => {
          const damaged = act(contentOf(draft, file), random)
          draft.after = (folder) => writeFile(join(folder, file), damaged)
        },
      },
      {
        group: 'damage, hash made right',
        name: `${file}: ${name}`,
        refused: anyFault,
        mayPass: true,
        make: (draft, random) => void draft.files.set(file, act(contentOf(draft, file), random)),
      },
    ]),
  ),
  ...Object.entries(damage).map(
    ([name, act]): Recipe => ({
      group: 'damage, hash made right',
      name: `manifest.json: ${name}`,
      refused: anyFault,
      mayPass: true, // a digit of a date is no reason
      make: (draft, random) => {
        draft.manifestText = (text) => act(Buffer.from(text), random)
      },
    }),
  ),
  ...files.slice(0, 3).map(
    (file): Recipe => ({
      group: 'damage, the hash tells',
      name: `${file}: missing`,
      refused: ['MODEL_INVALID'],
      make: (draft) => {
        draft.after = (folder) => rm(join(folder, file))
      },
    }),
  ),
  ...files.slice(0, 3).map(
    (file): Recipe => ({
      group: 'damage, hash made right',
      name: `${file}: empty`,
      refused: ['MODEL_INVALID'],
      make: (draft) => void draft.files.set(file, new Uint8Array(0)),
    }),
  ),
]

function contentOf({ files: contents }: Draft, file: string): Uint8Array {
  const content = contents.get(file)
  if (content === undefined) throw new Error(`the base has no ${file}`)
  return content
}
