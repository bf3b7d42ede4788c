import type { SimulationReport } from '../simulate.ts'
import type { Accuracy } from './report.ts'

/** The report for a person. */
export function told(report: SimulationReport): string {
  const { change, posts, detection, falseAlarms, labels, retrainings, promoted, accuracy, paired, data } = report
  const lines = [
    `${posts.before + posts.after} posts in ${report.seconds.toFixed(0)} s; change: ${change.kind}${change.kind === 'none' ? '' : `, strength ${change.strength}, ${change.over === 0 ? 'at once' : `over ${change.over} posts`}`}`,
    ...(posts.bad > 0 ? [`${posts.bad} rows of the file are no posts and were left out`] : []),
    '',
    row('false alarms', `${falseAlarms.alarms} in ${falseAlarms.checks} checks without a change`),
  ]
  if (change.kind !== 'none') {
    lines.push(
      row(
        'detected',
        detection === undefined
          ? 'never'
          : `after ${detection.posts} posts, ${detection.seconds.toFixed(0)} s, in check ${detection.checks} that saw any of it\n${row('', detection.headline)}`,
      ),
    )
  }
  lines.push(row('labels', `${labels.spent}, ${percent(labels.share)} of the posts`))
  for (const { id, version, end, reason } of retrainings) {
    lines.push(row('retraining', `${id}${version === 0 ? '' : `, version ${version}`}: ${end}, ${reason}`))
  }
  if (retrainings.length === 0) lines.push(row('retraining', 'none'))
  if (promoted !== undefined) {
    lines.push(
      row(
        'new champion',
        `version ${promoted.version}, ${promoted.posts} posts and ${promoted.seconds.toFixed(0)} s after the change`,
      ),
    )
  }
  lines.push('', ...accuracyRow('before', accuracy.before), ...accuracyRow('after the change', accuracy.during))
  lines.push(...accuracyRow('new champion', accuracy.after))
  if (paired !== undefined) {
    lines.push(
      row(
        'paired',
        `on ${paired.posts} posts that neither version had seen: ${percent(paired.before)} → ${percent(paired.after)} (McNemar's mid-p ${paired.p.toPrecision(2)})`,
      ),
    )
  }
  if (data !== undefined) lines.push('', `Everything is kept in ${data}: driftline drift status --data ${data}`)
  return `${lines.join('\n')}\n`
}

const row = (name: string, text: string): string => `${name.padEnd(18)}${text}`
const percent = (value: number): string => `${(value * 100).toFixed(1)} %`
const accuracyRow = (name: string, accuracy: Accuracy | undefined): string[] =>
  accuracy === undefined
    ? []
    : [
        row(
          name,
          `accuracy ${percent(accuracy.value)} (${percent(accuracy.low)} to ${percent(accuracy.high)}) on ${accuracy.posts} posts`,
        ),
      ]
