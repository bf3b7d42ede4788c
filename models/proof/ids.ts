import { z } from 'zod'

/** Where a tokenizer.json numbers its tokens: words by name, or in the order of a list. */
const Numbered = z.looseObject({
  added_tokens: z.array(z.looseObject({ id: z.unknown() })).optional(),
  model: z
    .looseObject({ vocab: z.union([z.record(z.string(), z.unknown()), z.array(z.unknown())]).optional() })
    .optional(),
})

/** Every id that a tokenizer.json gives, whatever it is; none of one that is built otherwise, which the library refuses. */
export function* idsIn(tokenizer: unknown): Generator<unknown, void> {
  const parsed = Numbered.safeParse(tokenizer)
  if (!parsed.success) return
  const { added_tokens: added = [], model } = parsed.data
  for (const { id } of added) yield id
  const vocabulary = model?.vocab ?? []
  if (Array.isArray(vocabulary)) yield vocabulary.length
  else yield* Object.values(vocabulary)
}
