import {
  type Challenger,
  type ModelInfo,
  ModelsPage,
  type Swap,
  type Training,
  type VersionInfo,
} from '../../models-api.ts'
import { formatCount, formatDay, formatSeconds, formatShare } from '../format.ts'
import { usePolled } from '../use-polled.ts'
import { AsOf } from './as-of.tsx'
import { Scroll } from './scroll.tsx'

const pollMs = 3_000

/** Versions, where the aliases point, what is being tried, and what was changed. */
export function ModelsView() {
  const polled = usePolled('models', ModelsPage, pollMs)
  const page = polled.value
  return (
    <>
      <AsOf polled={polled} staleMs={5 * pollMs} />
      {page === undefined && polled.trouble === undefined && <p class="quiet loading">Loading …</p>}
      <div class="board models">
        {page?.models.length === 0 && <NoModel />}
        {page?.models.map((model) => (
          <Model key={model.name} model={model} />
        ))}
        {page !== undefined && page.models.length > 0 && <Swaps swaps={page.swaps} />}
      </div>
    </>
  )
}

const NoModel = () => (
  <section class="panel empty wide" aria-labelledby="no-model-title">
    <h2 id="no-model-title">No model yet</h2>
    <p>The registry is empty.</p>
    <dl>
      <dt>
        <code>npx driftline models publish ./model</code>
      </dt>
      <dd>stores a model directory as a version</dd>
    </dl>
  </section>
)

const Model = ({ model }: { readonly model: ModelInfo }) => (
  <>
    <section class="panel wide" aria-labelledby={`model-${model.name}`}>
      <header>
        <h2 id={`model-${model.name}`}>{model.name}</h2>
        <p class="quiet">
          {model.versions.length === 1 ? '1 version' : `${formatCount(model.versions.length)} versions, newest first`}
        </p>
      </header>
      <Versions model={model} />
    </section>
    {model.training !== null && <TrainingPanel name={model.name} training={model.training} />}
    <Challengers model={model} />
    <Changes model={model} />
  </>
)

const Versions = ({ model: { name, versions } }: { readonly model: ModelInfo }) => (
  <Scroll label={`Versions of ${name}`}>
    <table>
      <thead>
        <tr>
          <th scope="col">Version</th>
          <th scope="col">Aliases</th>
          <th scope="col">Made</th>
          <th scope="col" class="number">
            Accuracy
          </th>
          <th scope="col">Gates</th>
          <th scope="col">Made of</th>
          <th scope="col" class="number">
            MB
          </th>
        </tr>
      </thead>
      <tbody>
        {versions.map((version) => (
          <tr key={version.version}>
            <th scope="row" class="number">
              v{version.version}
              {version.parent !== null && <span class="quiet"> from v{version.parent}</span>}
            </th>
            <td>
              {version.aliases.map((alias) => (
                <span key={alias} class="alias">
                  {alias}
                </span>
              ))}
            </td>
            <td>{formatDay(Date.parse(version.createdAt))}</td>
            <td class="number">{version.accuracy === null ? '–' : formatShare(version.accuracy)}</td>
            <td>
              <Gates name={name} version={version} />
            </td>
            <td class="quiet">{version.origin}</td>
            <td class="number">{(version.bytes / 1e6).toFixed(1)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  </Scroll>
)

const Gates = ({ name, version: { version, gates } }: { readonly name: string; readonly version: VersionInfo }) => {
  if (gates === null) return <span class="quiet">not judged</span>
  const said = gates.passed ? 'passed' : `stopped by ${gates.failed.join(', ')}`
  return (
    <>
      <span class="mark" data-verdict={gates.passed ? 'ok' : 'drift'}>
        {said}
      </span>{' '}
      {gates.page && (
        <a href={`./api/models/${name}/${version}/gates`} target="_blank" rel="noreferrer">
          report<span class="hidden"> of version {version}</span>
        </a>
      )}
    </>
  )
}

const TrainingPanel = ({ name, training }: { readonly name: string; readonly training: Training }) => {
  const { state, active, reason, by, startedAt, since, champion, candidate, data, phase, done, remainingMs } = training
  const left = remainingMs === null ? '' : `, ${formatSeconds(remainingMs / 1000)} left`
  return (
    <section class="panel" aria-labelledby={`training-${name}`}>
      <header>
        <h2 id={`training-${name}`}>{active ? 'Retraining in progress' : 'Last retraining'}</h2>
        <p>
          <span class="mark" data-verdict={active ? 'warning' : state === 'done' ? 'ok' : 'drift'}>
            {state}
          </span>
        </p>
      </header>
      <p dir="auto">{reason}</p>
      <p class="quiet">
        from v{champion}
        {candidate !== null && ` to v${candidate}`}, begun {formatDay(Date.parse(startedAt))} by <bdi>{by}</bdi>, in
        this state since {formatDay(Date.parse(since))}
      </p>
      {data !== null && (
        <p class="quiet">
          {formatCount(data.train)} posts to learn from, {formatCount(data.replayed)} of them replayed;{' '}
          {formatCount(data.heldOut)} held out
        </p>
      )}
      {active && done !== null && (
        <label class="meter">
          <span>
            {phase} {formatShare(done)}
            {left}
          </span>
          <progress max={1} value={done} />
        </label>
      )}
    </section>
  )
}

const Challengers = ({ model: { name, challengers, ended } }: { readonly model: ModelInfo }) => (
  <section class="panel" aria-labelledby={`challengers-${name}`}>
    <header>
      <h2 id={`challengers-${name}`}>Challengers</h2>
    </header>
    {challengers.length === 0 && <p class="quiet">No version is being tried beside the champion.</p>}
    <ul class="events">
      {challengers.map((challenger) => (
        <li key={challenger.version}>
          <ChallengerLine challenger={challenger} />
        </li>
      ))}
      {ended.slice(0, 5).map(({ version, by, reason, at }) => (
        <li key={`${version} ${at}`} class="quiet">
          v{version} was ended {formatDay(Date.parse(at))} by <bdi>{by}</bdi>: <bdi>{reason}</bdi>
        </li>
      ))}
    </ul>
  </section>
)

const ChallengerLine = ({
  challenger: { version, mode, share, by, reason, since },
}: {
  readonly challenger: Challenger
}) => (
  <>
    <b class="number">v{version}</b> {mode === 'shadow' ? 'scores beside the champion' : 'takes posts of the champion'}:{' '}
    {formatShare(share)}, since {formatDay(Date.parse(since))} by <bdi>{by}</bdi>
    {reason !== '' && (
      <>
        : <bdi>{reason}</bdi>
      </>
    )}
  </>
)

const Changes = ({ model: { name, changes } }: { readonly model: ModelInfo }) => (
  <section class="panel" aria-labelledby={`changes-${name}`}>
    <header>
      <h2 id={`changes-${name}`}>Promotions and rollbacks</h2>
    </header>
    {changes.length === 0 && <p class="quiet">None yet.</p>}
    <ul class="events">
      {changes.map(({ at, by, alias, from, to, reason, forced }) => (
        <li key={`${at} ${alias}`}>
          <time class="quiet number" dateTime={at}>
            {formatDay(Date.parse(at))}
          </time>{' '}
          {alias} {from === null ? '' : `v${from} → `}
          <b class="number">v{to}</b> by <bdi>{by}</bdi>
          {reason !== '' && (
            <>
              : <bdi>{reason}</bdi>
            </>
          )}
          {forced && (
            <span class="mark" data-verdict="warning">
              {' '}
              without a passing certificate
            </span>
          )}
        </li>
      ))}
    </ul>
  </section>
)

/** An error of the catalogue kept the old version; everything else is something that happened. */
const isError = (outcome: string): boolean => /^[A-Z_]+$/.test(outcome)

/** The champion stays. */
const isOfChallenger = (outcome: string): boolean => /^(canary|shadow)_/.test(outcome)

const Swaps = ({ swaps }: { readonly swaps: readonly Swap[] | null }) => (
  <section class="panel" aria-labelledby="swaps-title">
    <header>
      <h2 id="swaps-title">Swaps in the score job</h2>
      <p class="quiet">between two batches, while posts keep coming</p>
    </header>
    {swaps === null && <p class="quiet">ClickHouse is away; they are kept there.</p>}
    {swaps?.length === 0 && <p class="quiet">None yet.</p>}
    <ul class="events">
      {swaps?.map(({ atMs, model, from, to, partitions, pauseMs, loadMs, outcome, reason, by }) => (
        <li key={`${atMs} ${model} ${to} ${outcome}`}>
          <time class="quiet number" dateTime={new Date(atMs).toISOString()}>
            {formatDay(atMs)}
          </time>{' '}
          {from === 0 || isOfChallenger(outcome) ? '' : `v${from} → `}
          <b class="number">v{to}</b>{' '}
          {outcome === 'swapped' && (
            <span>
              in {partitions === 1 ? '1 partition' : `${formatCount(partitions)} partitions`}, loaded in{' '}
              {formatSeconds(loadMs / 1000)}
              {pauseMs > 0 && `, pause ${pauseMs.toFixed(1)} ms`}
            </span>
          )}
          {outcome === 'took_over' && <span>took over, pause {pauseMs.toFixed(1)} ms</span>}
          {outcome !== 'swapped' && outcome !== 'took_over' && (
            <span class={isError(outcome) ? 'mark' : ''} data-verdict="warning">
              {isError(outcome) ? outcome : outcome.replaceAll('_', ' ')}
            </span>
          )}
          {by !== '' && (
            <>
              {' '}
              by <bdi>{by}</bdi>
            </>
          )}
          {reason !== '' && (
            <>
              : <bdi>{reason}</bdi>
            </>
          )}
        </li>
      ))}
    </ul>
  </section>
)
