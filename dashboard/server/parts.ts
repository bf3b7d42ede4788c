import type { StatusFile } from '../../core/status.ts'
import type { ModelInUse, Part } from '../protocol.ts'

/** Jobs without which no post is scored: they are listed even if they never ran. */
const expected: readonly string[] = ['ingest', 'score']
/** A job that was silent this long, in milliseconds, is not on its way back. */
const goneAfterMs = 60_000

/** The jobs as parts, the expected ones first. */
export function jobParts(files: readonly StatusFile[], nowMs: number): readonly Part[] {
  const missing = expected.filter((name) => !files.some(({ job }) => job === name))
  const rank = (name: string): number => {
    const at = expected.indexOf(name.split('@')[0] ?? '')
    return at < 0 ? expected.length : at
  }
  return [
    ...missing.map((name): Part => ({ name, state: 'absent', detail: 'not started' })),
    ...files.map((file) => ({ name: nameOf(file), ...jobState(file, nowMs) })),
  ].sort((a, b) => rank(a.name) - rank(b.name))
}

/** `score`, or `score@<replica>` for one of several. */
const nameOf = ({ job, replica }: StatusFile): string => (replica === undefined ? job : `${job}@${replica}`)

function jobState(file: StatusFile, nowMs: number): Omit<Part, 'name'> {
  if (file.status === undefined) return { state: 'halted', detail: `its status cannot be read: ${file.reason}` }
  const { state, reason, updatedAt, partitions } = file.status
  if (state === 'ended') return { state: 'absent', detail: 'has read everything' }
  if (state === 'stopped') return { state: 'absent', detail: 'was stopped' }
  if (!file.answering) {
    const silentMs = nowMs - updatedAt
    if (silentMs >= goneAfterMs) return { state: 'absent', detail: 'stopped without a word' }
    return { state: 'waiting', detail: `has not answered for ${Math.round(silentMs / 1000)} s` }
  }
  if (state === 'halted') return { state, detail: reason ?? '' }
  const halted = partitions.find((partition) => partition.state === 'halted')
  if (halted !== undefined) {
    return { state: 'halted', detail: `partition ${halted.partition} of ${halted.topic}: ${halted.reason ?? ''}` }
  }
  if (state === 'ok') return { state, detail: reason ?? detailOf(file) }
  return { state: 'waiting', detail: reason ?? state }
}

function detailOf(file: StatusFile): string {
  const model = modelOf([file])
  return model === null ? '' : `${model.name} v${model.version} on ${model.provider}`
}

/** The model that the score job has loaded, if one answers. */
export function modelOf(files: readonly StatusFile[]): ModelInUse | null {
  const score = files.find(({ job, answering }) => job === 'score' && answering)?.status
  if (score?.model === undefined) return null
  const { name, version } = score.model
  return { name, version, provider: score.provider ?? 'unknown', workers: score.workers ?? 0 }
}
