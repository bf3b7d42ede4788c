import type { Flow, StepInfo } from './flow.ts'

/** The flow as a Mermaid flowchart, one box for each step. */
export function toMermaid({ name, steps }: Pick<Flow, 'name' | 'steps'>): string {
  const boxes = steps.map((step, index) => `  s${index}${box(step)}`)
  const arrows = steps.slice(1).map((_, index) => `  s${index} --> s${index + 1}`)
  return ['---', `title: ${JSON.stringify(name)}`, '---', 'flowchart LR', ...boxes, ...arrows, ''].join('\n')
}

function box({ name, kind, detail }: StepInfo): string {
  const label = `"${escaped(name)}<br/>${escaped(detail)}"`
  if (kind === 'source' || kind === 'sink') return `[(${label})]`
  return kind === 'async' ? `[[${label}]]` : `[${label}]`
}

const entities: Readonly<Record<string, string>> = { '"': '#quot;', '<': '#lt;', '>': '#gt;', '#': '#35;' }
const escaped = (text: string): string => text.replace(/["<>#]/g, (sign) => entities[sign] ?? sign)
