import type { Moved, ShiftModel } from './check-result.ts'
import type { Counts, SampledPost } from './summary.ts'

const mostMoved = 10
const mostExamples = 3
const longestExample = 280
/** Two-sided z below which a difference in a list of hundreds is chance. */
const surely = 4

interface Shares {
  readonly name: string
  readonly before: number
  readonly now: number
}

/** Words and hashtags whose share of the posts moved most, by their log-likelihood ratio, with posts that hold them. */
export function movedWords(
  reference: readonly SampledPost[],
  live: readonly SampledPost[],
  model: ShiftModel | undefined,
): { readonly words: Moved[]; readonly hashtags: Moved[] } {
  const [before, now] = [countWords(reference), countWords(live)]
  const all = [...new Set([...before.keys(), ...now.keys()])].map((name) => ({
    name,
    before: before.get(name) ?? 0,
    now: now.get(name) ?? 0,
  }))
  const moved = strongest(all, reference.length, live.length).map(({ name, before: was, now: is }) => {
    const [reference_, live_] = [was / reference.length, is / live.length]
    const from = live_ >= reference_ ? live : reference
    return {
      name,
      reference: reference_,
      live: live_,
      weight: model !== undefined && Object.hasOwn(model.weights, name) ? (model.weights[name] ?? 0) : 0,
      posts: examples(from, (post) => post.words.includes(name)),
    }
  })
  const isTag = ({ name }: Moved) => name.startsWith('#')
  return {
    words: moved.filter((one) => !isTag(one)).slice(0, mostMoved),
    hashtags: moved.filter(isTag).slice(0, mostMoved),
  }
}

/** Categories of all posts whose shares moved most, with posts from the sample. */
export function movedCounts(
  reference: Counts,
  live: Counts,
  sample: { readonly reference: readonly SampledPost[]; readonly live: readonly SampledPost[] },
  of: (post: SampledPost) => string,
): Moved[] {
  const [n, m] = [totalOf(reference), totalOf(live)]
  if (n === 0 || m === 0) return []
  const all = [...new Set([...Object.keys(reference), ...Object.keys(live)])].map((name) => ({
    name,
    before: reference[name] ?? 0,
    now: live[name] ?? 0,
  }))
  return strongest(all, n, m)
    .slice(0, mostMoved)
    .map(({ name, before, now }) => ({
      name,
      reference: before / n,
      live: now / m,
      weight: 0,
      posts: examples(now / m >= before / n ? sample.live : sample.reference, (post) => of(post) === name),
    }))
}

function strongest(all: readonly Shares[], n: number, m: number): readonly Shares[] {
  return all
    .map((one) => ({ ...one, z: Math.abs(zOf(one, n, m)) }))
    .filter(({ z }) => z >= surely)
    .sort((a, b) => b.z - a.z)
    .slice(0, 10 * mostMoved)
}

/** Signed root of the log-likelihood ratio of two shares (Dunning 1993, Computational Linguistics 19(1), 61–74). */
function zOf({ before, now }: Shares, n: number, m: number): number {
  const pooled = (before + now) / (n + m)
  const part = (count: number, rows: number): number => {
    const share = count / rows
    const term = (observed: number, expected: number) => (observed === 0 ? 0 : observed * Math.log(observed / expected))
    return rows * (term(share, pooled) + term(1 - share, 1 - pooled))
  }
  const ratio = 2 * (part(before, n) + part(now, m))
  return Math.sign(now / m - before / n) * Math.sqrt(Math.max(0, ratio))
}

function countWords(posts: readonly SampledPost[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { words } of posts) for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
  return counts
}

function examples(posts: readonly SampledPost[], wanted: (post: SampledPost) => boolean) {
  const found: { id: string; text: string }[] = []
  const seen = new Set<string>()
  for (const post of posts) {
    if (found.length === mostExamples) break
    if (!wanted(post) || seen.has(post.text)) continue
    seen.add(post.text)
    found.push({ id: post.id, text: capped(post.text) })
  }
  return found
}

/** Cut between characters, never inside a surrogate pair. */
function capped(text: string): string {
  if (text.length <= longestExample) return text
  const cut = text.slice(0, longestExample - 1)
  return `${/[\uD800-\uDBFF]$/.test(cut) ? cut.slice(0, -1) : cut}…`
}

const totalOf = (counts: Counts): number => Object.values(counts).reduce((sum, count) => sum + count, 0)
