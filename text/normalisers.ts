import { normaliseSocial1 } from './normalise.ts'

/** By the name that a model's manifest carries in `text.normaliser`. */
export const normalisers = {
  none: (text: string): string => text,
  'social-1': normaliseSocial1,
} as const satisfies Record<string, (text: string) => string>

export type NormaliserName = keyof typeof normalisers
