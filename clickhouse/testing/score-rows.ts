import type { ScoreRow } from '../rows/scores.ts'

const labels = ['negative', 'neutral', 'positive']

/** Believable rows of one partition from `first` on, seven milliseconds apart; the same each time. */
export function scoreRows(first: number, count: number, partition = 0, over: Partial<ScoreRow> = {}): ScoreRow[] {
  return Array.from({ length: count }, (_, at) => {
    const offset = first + at
    const eventAt = Date.UTC(2025, 0, 1) + offset * 7
    return {
      post_id: `post-${partition}-${offset}`,
      event_at: eventAt,
      ingested_at: eventAt + 5,
      scored_at: eventAt + 5 + (offset % 50),
      source: offset % 3 === 0 ? 'demo' : 'file',
      lang: 'en',
      author: '',
      text: `number ${offset} "quoted" #tag${offset % 7}`,
      hashtags: offset % 2 === 0 ? [`tag${offset % 7}`, 'all'] : [],
      given_label: '',
      meta: { n: String(offset) },
      label: labels[offset % 3] ?? '',
      confidence: (offset % 101) / 100,
      probabilities: [0.25, 0.25, 0.5],
      margin: 0.25,
      tokens: 12,
      unknown_tokens: offset % 2,
      signals: { urls: 1 },
      model_name: 'test',
      model_version: 1,
      shadow: 0,
      stood_in_for: 0,
      topic: 'posts',
      topic_id: 'T',
      partition,
      offset,
      batch_id: `batch-${first}`,
      inference_us: 30,
      ...over,
    }
  })
}
