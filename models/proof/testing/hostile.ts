import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { seededRandom } from '../../../core/random.ts'
import { configs } from './hostile-configs.ts'
import { damages } from './hostile-damage.ts'
import { graphs } from './hostile-graphs.ts'
import { manifests } from './hostile-manifests.ts'
import { tokenizers } from './hostile-tokenizers.ts'
import { type Draft, described, type Recipe } from './recipe.ts'

/** Every way there is, in a fixed order. */
export const recipes: readonly Recipe[] = [...damages, ...graphs, ...tokenizers, ...configs, ...manifests]

export interface HostileModel {
  readonly recipe: Recipe
  readonly seed: number
}

/** Of how many models one is costly, at most. */
const costlyEvery = 20

/** So many hostile models, each recipe in turn with a seed of its own; the same ones each time. */
export function hostileModels(count: number): HostileModel[] {
  const cheap = recipes.filter((recipe) => !recipe.costly)
  const costly = shuffled(recipes.filter((recipe) => recipe.costly))
  // Damage of random places is endless, and the more of it the better; a crafted model is the same each time.
  const inTurn = shuffled([...cheap, ...damages, ...damages])
  return Array.from({ length: count }, (_, index): HostileModel => {
    const [list, at] =
      index % costlyEvery === costlyEvery - 1
        ? [costly, Math.floor(index / costlyEvery)]
        : [inTurn, index - Math.floor(index / costlyEvery)]
    const recipe = list[at % list.length]
    if (recipe === undefined) throw new Error('there are recipes')
    return { recipe, seed: index + 1 }
  })
}

/** So that the first few are of every group. */
function shuffled(list: Recipe[]): Recipe[] {
  const random = seededRandom(1)
  return list
    .map((recipe) => [random(), recipe] as const)
    .sort(([a], [b]) => a - b)
    .map(([, recipe]) => recipe)
}

/** The well-behaved model that each hostile one is made of. */
export interface Base {
  readonly files: ReadonlyMap<string, Uint8Array>
  readonly manifest: Readonly<Record<string, unknown>>
}

/** Writes a hostile model into a folder. */
export async function writeHostile({ recipe, seed }: HostileModel, base: Base, folder: string): Promise<void> {
  const draft: Draft = { files: new Map(base.files), manifest: structuredClone({ ...base.manifest }) }
  await recipe.make(draft, seededRandom(seed))
  await mkdir(folder, { recursive: true })
  for (const [name, content] of draft.files) await writeFile(join(folder, name), content)
  const facts = {
    files: Object.fromEntries([...draft.files].map(([name, content]) => [name, described(content)])),
    ...draft.manifest,
  }
  const text = `${JSON.stringify(facts, null, 2)}\n`
  await writeFile(join(folder, 'manifest.json'), draft.manifestText?.(text) ?? text)
  await draft.after?.(folder)
}
