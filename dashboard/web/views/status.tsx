import type { ModelInUse, Part } from '../../protocol.ts'
import type { Link } from '../connection.ts'
import { formatClock, formatSeconds } from '../format.ts'
import { type LiveState, useNow } from '../use-live.ts'

/** A mark beside a word that says the same. */
export const Dot = ({ state }: { readonly state: Part['state'] | Link['state'] | 'stale' }) => (
  <span class="dot" data-state={state} aria-hidden="true" />
)

/** @param model `undefined` while nothing is known yet */
export const ModelBadge = ({ model }: { readonly model: ModelInUse | null | undefined }) => (
  <p class="model">
    {model === null && <span class="quiet">no model yet</span>}
    {model && (
      <>
        <b>{model.name}</b> v{model.version} <span class="quiet">on {model.provider}</span>
      </>
    )}
  </p>
)

/** Numbers that are older than this, in milliseconds, are no longer called live. */
export const staleMs = 3_000

/** How old the numbers are; `undefined` while they are live. */
function ageOf({ snapshot, receivedAtMs }: LiveState, nowMs: number): number | undefined {
  if (snapshot === undefined) return undefined
  const storeAgeMs = snapshot.live === null ? 0 : snapshot.atMs - snapshot.live.asOfMs
  const ageMs = Math.max(0, nowMs - receivedAtMs) + storeAgeMs
  return ageMs > staleMs ? ageMs : undefined
}

export function LinkState({ live }: { readonly live: LiveState }) {
  const ageMs = ageOf(live, useNow())
  const shown = live.snapshot === undefined ? 'connecting' : ageMs === undefined ? 'open' : 'stale'
  const state = live.link.state === 'open' ? shown : live.link.state
  const word = { connecting: 'Connecting', open: 'Live', lost: 'Disconnected', stale: 'Behind' }[state]
  return (
    <p class="link">
      <Dot state={state} />
      <span>{word}</span>
      <span class="age quiet number">
        {ageMs !== undefined
          ? `${formatSeconds(ageMs / 1000)} old`
          : live.snapshot !== undefined && formatClock(live.snapshot.atMs)}
      </span>
    </p>
  )
}

const words = { ok: 'Working', waiting: 'Waiting', halted: 'Halted', absent: 'Not running' } as const

/** The running parts, each with a word besides its colour. */
export const Parts = ({ parts }: { readonly parts: readonly Part[] }) => (
  <ul class="parts">
    {parts.map(({ name, state, detail }) => (
      <li key={name}>
        <Dot state={state} />
        <b class="name">{name}</b>
        <span class="word">{words[state]}</span>
        <span class="quiet detail" title={detail}>
          {detail}
        </span>
      </li>
    ))}
  </ul>
)
