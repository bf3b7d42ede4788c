import type { ComparedSet, GateReport, gateNames, Slice } from './report.ts'

/** What each gate asks, for a reader who has not read docs/retraining.md. */
const questions: Readonly<Record<(typeof gateNames)[number], string>> = {
  fresh: 'Is it better on the newest posts, which it never saw?',
  golden: 'Is it as good as before on posts that must stay right?',
  slices: 'Is it no worse on any part of the stream?',
  calibration: 'Does its confidence mean accuracy?',
  speed: 'Is it as fast as the champion?',
  numbers: 'Does onnxruntime compute what TensorFlow.js trained?',
}

/**
 * gates.html: a gate report as a page of its own, without scripts and without anything to load. Every text that comes from
 * data is escaped.
 */
export function gatesPage(report: GateReport): string {
  const { candidate, evaluatedAt, passed, gates, data } = report
  const against = candidate.parent === null ? 'nothing: there was no champion' : `version ${candidate.parent}`
  const title = `${candidate.name}: ${passed ? 'passed all gates' : 'did not pass'}`
  const sections = [
    `<h1>${escaped(title)}</h1>`,
    `<p>Judged ${escaped(evaluatedAt)} against ${escaped(against)}.</p>`,
    table(
      ['gate', 'question', 'result', 'measured', 'bound', 'why'],
      gates.map((gate) => [
        escaped(gate.name),
        escaped(questions[gate.name]),
        mark(gate.passed),
        `${number(gate.value)} <small>${escaped(gate.unit)}</small>`,
        number(gate.bound),
        escaped(gate.reason),
      ]),
    ),
    '<h2>Posts it was judged on</h2>',
    table(
      ['set', 'posts', 'from', 'to', 'accuracy', 'macro-recall'],
      [...setRow('fresh hold-out', data.fresh), ...setRow('golden set', data.golden)],
    ),
    ...(data.slices.length === 0 ? [] : ['<h2>Slices</h2>', slicesTable(data.slices)]),
    ...(data.reliability.length === 0
      ? []
      : [
          '<h2>Confidence and accuracy</h2>',
          '<p>Each dot is the posts of one tenth of confidence, its size how many; on the line, confidence is accuracy.</p>',
          diagram(data.reliability),
        ]),
  ]
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escaped(title)}</title>
<style>${style}</style>
</head>
<body>
${sections.join('\n')}
</body>
</html>
`
}

const style = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 72rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid #8884 }
.passed { color: #16794c } .failed { color: #c0242f; font-weight: 600 }
@media (prefers-color-scheme: dark) { .passed { color: #59d69a } .failed { color: #ff8088 } }
svg { max-width: 22rem; display: block } svg text { font-size: 4px; fill: currentColor }
`

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
const escaped = (text: string): string => text.replace(/[&<>"']/g, (sign) => entities[sign] ?? sign)

const mark = (passed: boolean): string =>
  passed ? '<span class="passed">✓ passed</span>' : '<span class="failed">✗ failed</span>'

function number(value: number | null): string {
  if (value === null) return '–'
  return Number.isInteger(value) ? String(value) : value.toPrecision(3)
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
const change = (from: number, to: number): string => `${percent(from)} → ${percent(to)}`

/** Cells hold markup: their texts are escaped already. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (tag: string, row: readonly string[]) => row.map((cell) => `<${tag}>${cell}</${tag}>`).join('')
  const body = rows.map((row) => `<tr>${cells('td', row)}</tr>`).join('\n')
  return `<table>\n<thead><tr>${cells('th', head)}</tr></thead>\n<tbody>\n${body}\n</tbody>\n</table>`
}

function setRow(name: string, set: ComparedSet | null): readonly (readonly string[])[] {
  if (set === null) return []
  const row = [
    `${name} <small>${escaped(set.source)}</small>`,
    String(set.rows),
    escaped(set.from ?? '–'),
    escaped(set.to ?? '–'),
    change(set.champion.accuracy, set.candidate.accuracy),
    change(set.champion.macroRecall, set.candidate.macroRecall),
  ]
  return [row]
}

const slicesTable = (slices: readonly Slice[]): string =>
  table(
    ['slice', 'posts', 'champion → candidate', 'p that it is worse', 'corrected', 'result'],
    slices.map(({ by, value, rows, champion, candidate, p, adjustedP, passed }) => [
      `${escaped(by)} ${escaped(value)}${by === 'class' ? ' <small>F1</small>' : ''}`,
      String(rows),
      change(champion, candidate),
      number(p),
      number(adjustedP),
      mark(passed),
    ]),
  )

/** Confidence to the right, accuracy upwards, both in percent. */
function diagram(bins: GateReport['data']['reliability']): string {
  const most = bins.reduce((rows, bin) => Math.max(rows, bin.rows), 1)
  const dots = bins
    .filter(({ rows }) => rows > 0)
    .map(({ confidence, accuracy, rows }) => {
      const radius = 0.8 + 2.2 * Math.sqrt(rows / most)
      return `<circle cx="${(100 * confidence).toFixed(1)}" cy="${(100 - 100 * accuracy).toFixed(1)}" r="${radius.toFixed(2)}" fill="#3b82f6" fill-opacity=".7"><title>${rows} posts</title></circle>`
    })
  const frame =
    '<rect width="100" height="100" fill="none" stroke="currentColor" stroke-width=".4"/><line x1="0" y1="100" x2="100" y2="0" stroke="currentColor" stroke-width=".3" stroke-dasharray="2"/>'
  const words =
    '<text x="50" y="107" text-anchor="middle">confidence</text><text x="-3" y="50" text-anchor="middle" transform="rotate(-90 -3 50)">accuracy</text>'
  return `<svg viewBox="-8 -3 112 114" role="img" aria-label="accuracy against confidence">${frame}${dots.join('')}${words}</svg>`
}
