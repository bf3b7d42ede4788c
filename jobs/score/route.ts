import type { SwapRow } from '../../clickhouse/rows/scores.ts'
import type { Scorer } from '../../inference/scorer.ts'
import { lengthOf, type SlotRange, slotCount } from '../../models/registry/slots.ts'
import type { Watch } from './watch.ts'

/** A loaded model, for as long as anybody needs it. */
export interface Live {
  readonly scorer: Scorer
  /** Batches that have it. */
  batches: number
}

/** Who changed something, and why. */
export interface Cause {
  readonly by: string
  readonly reason: string
}

/** What scores all that no canary scores. */
export interface Champion extends Cause {
  /** Of the change that made it the champion. */
  readonly id: string
  readonly live: Live
  /** The version before it; 0 for the one that the job started with. */
  readonly from: number
  readonly alias: string
  readonly loadMs: number
}

/** A version that scores beside the champion; another object with each change. */
export interface Contender extends Cause {
  readonly id: string
  readonly live: Live
  readonly mode: 'canary' | 'shadow'
  readonly slots: readonly SlotRange[]
  readonly loadMs: number
  readonly watch: Watch
}

/** Who scores what from some batch on; never changed, only replaced. */
export interface Route {
  readonly champion: Champion
  readonly contenders: readonly Contender[]
}

/** Why contenders ended, by their model. */
export type Endings = WeakMap<Live, Cause & { readonly id: string }>

/** The columns of `swaps` that tell of one change. */
export type Told = Pick<
  SwapRow,
  'swap_id' | 'alias' | 'from_version' | 'to_version' | 'share' | 'load_ms' | 'changed_by' | 'reason' | 'outcome'
>

/** The change that brought the champion. */
export const tellChampion = ({ id, live, from, alias, by, reason, loadMs }: Champion): Told => ({
  swap_id: id,
  alias,
  from_version: from,
  to_version: live.scorer.version,
  share: 0,
  load_ms: Math.round(loadMs),
  changed_by: by,
  reason,
  outcome: from === 0 ? 'started' : 'swapped',
})

/**
 * What is different for a partition that was scored by one route and is now scored by another.
 *
 * @param before `undefined` for a partition that nobody has scored yet
 */
export function tellChanges(before: Route | undefined, after: Route, endings: Endings): readonly Told[] {
  const told: Told[] = before?.champion.id === after.champion.id ? [] : [tellChampion(after.champion)]
  const champion = after.champion.live.scorer.version
  const tell = (
    contender: Contender,
    what: 'started' | 'changed' | 'ended',
    cause: Cause & { readonly id: string },
  ) => {
    told.push({
      swap_id: cause.id,
      alias: '',
      from_version: champion,
      to_version: contender.live.scorer.version,
      share: what === 'ended' ? 0 : lengthOf(contender.slots) / slotCount,
      load_ms: what === 'started' ? Math.round(contender.loadMs) : 0,
      changed_by: cause.by,
      reason: cause.reason,
      outcome: `${contender.mode}_${what}`,
    })
  }
  for (const contender of after.contenders) {
    const same = before?.contenders.find(({ live }) => live === contender.live)
    if (same === undefined) tell(contender, 'started', contender)
    else if (same.id !== contender.id) tell(contender, 'changed', contender)
  }
  for (const contender of before?.contenders ?? []) {
    if (after.contenders.some(({ live }) => live === contender.live)) continue
    tell(contender, 'ended', endings.get(contender.live) ?? contender)
  }
  return told
}

/** Who scores, as `swaps` keeps it. */
export const tellRoute = ({ champion, contenders }: Route): Pick<SwapRow, 'champion_version' | 'challengers'> => ({
  champion_version: champion.live.scorer.version,
  challengers: contenders.flatMap(({ live, mode, slots }) =>
    slots.map(([slot_from, slot_to]) => {
      return { version: live.scorer.version, shadow: mode === 'shadow' ? 1 : 0, slot_from, slot_to } as const
    }),
  ),
})
