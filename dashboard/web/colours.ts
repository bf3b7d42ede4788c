/** Palette positions of the classes that nearly every sentiment model has. */
const known: Readonly<Record<string, number>> = { negative: 0, neutral: 1, positive: 2 }
/** Custom properties `--class-0` … in style.css; each scheme has its own values. */
export const paletteSize = 8

/**
 * The palette position of each class: the known ones keep theirs, so that negative is orange on every page; the others
 * take what is left, in order.
 */
export function paletteOf(labels: readonly string[]): readonly number[] {
  const taken = new Set(labels.flatMap((label) => known[label.toLowerCase()] ?? []))
  const free = Array.from({ length: paletteSize }, (_, n) => n).filter((n) => !taken.has(n))
  let next = 0
  return labels.map((label) => known[label.toLowerCase()] ?? free[next++ % Math.max(1, free.length)] ?? 0)
}
