import type { Random } from '../../core/random.ts'
import { days, english, hours, type Label, labels, laterTopics, others, slang, sources, topics } from './words.ts'

/** How far each kind of drift has come for a post, 0 (not begun) to 1 (complete). */
export interface DriftLevels {
  /** Share of posts with topics and words that were not there before. */
  readonly vocabulary: number
  /** From the calm class mix to the angry one. */
  readonly mix: number
  /** Share of posts with a feeling whose words mean the opposite of what they meant (irony becomes the fashion). */
  readonly meaning: number
}

export interface Composed {
  readonly text: string
  readonly label: Label
  readonly lang: string
  readonly topic: string
  readonly source: string
  readonly author: string
}

/** Shares of negative, neutral and positive posts. */
export const calmMix = [0.3, 0.4, 0.3] as const
export const angryMix = [0.65, 0.25, 0.1] as const

const authors = 800
const otherLanguages = ['de', 'es', 'fr'] as const

/** One believable post. The same random numbers and levels give the same post. */
export function compose(random: Random, drift: DriftLevels): Composed {
  const said = pickLabel(random(), drift.mix)
  const source = pick(random, sources)
  const author = `user${Math.floor(random() ** 2 * authors)}` // a few write a lot
  if (random() < 0.06) {
    const lang = pick(random, otherLanguages)
    return { text: pick(random, others[lang][said]), label: said, lang, topic: 'other', source, author }
  }
  const shifted = random() < drift.vocabulary
  const topic = pick(random, shifted ? laterTopics : topics)
  const phrases = (shifted ? slang : english)[said]
  let text = pick(random, phrases.templates)
    .replace('{thing}', pick(random, topic.things))
    .replace('{day}', pick(random, days))
    .replace('{hour}', pick(random, hours))
  text = decorate(random, text, said, topic.hashtags, phrases.emoji)
  const meant = random() < drift.meaning ? opposite[said] : said
  return { text, label: meant, lang: 'en', topic: topic.name, source, author }
}

const opposite: Readonly<Record<Label, Label>> = { negative: 'positive', neutral: 'neutral', positive: 'negative' }

function pickLabel(draw: number, mix: number): Label {
  const negative = calmMix[0] + mix * (angryMix[0] - calmMix[0])
  const neutral = calmMix[1] + mix * (angryMix[1] - calmMix[1])
  return labels[draw < negative ? 0 : draw < negative + neutral ? 1 : 2]
}

/** What people do to a sentence: shout, stretch, mistype, mention, link, tag and add emoji. */
function decorate(random: Random, plain: string, label: Label, hashtags: readonly string[], emoji: readonly string[]) {
  let text = plain
  if (random() < 0.5) text = text.charAt(0).toUpperCase() + text.slice(1)
  if (label !== 'neutral' && random() < 0.12) text = stretch(random, text)
  if (random() < 0.1) text = mistype(random, text)
  if (label !== 'neutral' && random() < 0.05) text = text.toUpperCase()
  if (label !== 'neutral' && random() < 0.2) text += '!'.repeat(1 + Math.floor(random() * 3))
  if (random() < 0.08) text = text.replace(' and ', ' &amp; ')
  if (random() < 0.15) text = `@friend${Math.floor(random() * 90)} ${text}`
  if (random() < (label === 'neutral' ? 0.1 : 0.3)) text += ` ${pick(random, emoji)}`
  if (random() < 0.45) text += ` #${pick(random, hashtags)}`
  if (random() < 0.1) text += ` #${pick(random, hashtags)}`
  if (random() < (label === 'neutral' ? 0.2 : 0.06))
    text += ` https://example.com/p/${Math.floor(random() * 1e6).toString(36)}`
  return text
}

/** "so happy" → "sooooo happy": a vowel of some word is held. */
function stretch(random: Random, text: string): string {
  const at = [...text.matchAll(/[aeiou](?=\w*\b)/g)].map(({ index }) => index)
  if (at.length === 0) return text
  const vowel = pick(random, at)
  return text.slice(0, vowel) + text.charAt(vowel).repeat(3 + Math.floor(random() * 4)) + text.slice(vowel + 1)
}

/** Two letters inside a word change places. */
function mistype(random: Random, text: string): string {
  const at = [...text.matchAll(/\B[a-z](?=[a-z]\B)/g)].map(({ index }) => index)
  if (at.length === 0) return text
  const first = pick(random, at)
  return text.slice(0, first) + text.charAt(first + 1) + text.charAt(first) + text.slice(first + 2)
}

function pick<Item>(random: Random, items: readonly Item[]): Item {
  const item = items[Math.floor(random() * items.length)]
  if (item === undefined) throw new Error('nothing to pick from')
  return item
}
