import { useEffect, useMemo, useState } from 'preact/hooks'
import * as z from 'zod/mini'
import { NextReply, type ReviewSummary, UndoReply } from '../../review-api.ts'
import { postJson, tell } from '../api.ts'
import { formatCount, formatPercent } from '../format.ts'
import { type ReviewServer, ReviewSession, type ReviewState } from '../review-session.ts'
import { Problem } from './problem.tsx'
import { Judge } from './review-judge.tsx'
import { forgetName, rememberedName, WhoAmI } from './review-who.tsx'

const pollMs = 5_000

const serverFor = (reviewer: string): ReviewServer => ({
  next: (request) => postJson('review/next', { reviewer, ...request }, NextReply),
  answer: async (request) => void (await postJson('review/answer', { reviewer, ...request }, z.object({}))),
  skip: async (postId) => void (await postJson('review/skip', { reviewer, postId }, z.object({}))),
  undo: async (postId) => (await postJson('review/undo', { reviewer, postId }, UndoReply)).post,
})

/** One post at a time, for whoever says who they are. */
export function ReviewView() {
  const [reviewer, setReviewer] = useState(rememberedName)
  if (reviewer === '') return <WhoAmI onName={setReviewer} />
  const leave = () => {
    forgetName()
    setReviewer('')
  }
  return <Desk key={reviewer} reviewer={reviewer} onLeave={leave} />
}

function Desk({ reviewer, onLeave }: { readonly reviewer: string; readonly onLeave: () => void }) {
  const [adjudicate, setAdjudicate] = useState(false)
  const { session, state } = useSession(reviewer, adjudicate)
  const { posts, summary, trouble, loaded, last } = state
  const [post] = posts
  return (
    <div class="board review">
      <section class="panel wide desk" aria-labelledby="review-title">
        <header>
          <h2 id="review-title">{adjudicate ? 'Settle ties' : 'Review'}</h2>
          <p class="quiet">
            as <b dir="auto">{reviewer}</b>{' '}
            <button type="button" onClick={onLeave}>
              Somebody else
            </button>
          </p>
          <label class="toggle">
            <input
              type="checkbox"
              checked={adjudicate}
              onChange={({ currentTarget }) => setAdjudicate(currentTarget.checked)}
            />
            Settle ties{summary !== undefined && ` (${formatCount(summary.disputed)})`}
          </label>
        </header>
        <Problem text={trouble} />
        {!loaded && <p class="quiet loading">Loading …</p>}
        {loaded && post === undefined && <Nothing adjudicate={adjudicate} summary={summary} />}
        {(post !== undefined || last !== undefined) && <Judge session={session} post={post} last={last} />}
      </section>
      {summary !== undefined && <Progress summary={summary} />}
    </div>
  )
}

function useSession(reviewer: string, adjudicate: boolean): { session: ReviewSession; state: ReviewState } {
  const [, redraw] = useState<ReviewState | undefined>(undefined)
  const session = useMemo(
    () => new ReviewSession({ server: serverFor(reviewer), adjudicate, tell, onChange: redraw }),
    [reviewer, adjudicate],
  )
  useEffect(() => {
    void session.refresh()
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') void session.refresh()
    }, pollMs)
    const letGo = () => {
      // Failing is no harm: a lease runs out by itself.
      void session.settled().then(() => postJson('review/release', { reviewer }, z.object({})).catch(() => {}))
    }
    window.addEventListener('pagehide', letGo)
    return () => {
      clearInterval(timer)
      window.removeEventListener('pagehide', letGo)
      letGo()
    }
  }, [session, reviewer])
  return { session, state: session.state }
}

const Nothing = ({
  adjudicate,
  summary,
}: {
  readonly adjudicate: boolean
  readonly summary: ReviewSummary | undefined
}) => (
  <div class="nothing">
    <h3>{adjudicate ? 'No ties to settle' : 'Nothing to review'}</h3>
    {adjudicate ? (
      <p>Posts come here when two classes have equally many answers.</p>
    ) : (
      <>
        <p>
          {summary !== undefined && summary.asked > 0
            ? 'Every post that was asked about has its answers, or lies before another reviewer.'
            : 'No post has been asked about yet.'}
        </p>
        <p>
          The drift job fills the queue when a check sees a change and there are too few labels to tell how good the
          model still is. Posts appear here by themselves.
        </p>
        <dl>
          <dt>
            <code>npx driftline drift run</code>
          </dt>
          <dd>checks now</dd>
          <dt>
            <code>npx driftline labels import answers.csv</code>
          </dt>
          <dd>takes in labels that you have already</dd>
        </dl>
      </>
    )}
  </div>
)

const share = (value: number | null): string => (value === null ? '–' : formatPercent(value))

const Progress = ({ summary }: { readonly summary: ReviewSummary }) => {
  const { asked, answered, labelled, reviewing, people, agreement } = summary
  return (
    <section class="panel wide" aria-labelledby="progress-title">
      <header>
        <h2 id="progress-title">Progress</h2>
        <p class="quiet">{reviewing === 1 ? '1 person reviews now' : `${formatCount(reviewing)} people review now`}</p>
      </header>
      <label class="meter">
        <span>
          {formatCount(answered)} of {formatCount(asked)} posts answered
        </span>
        <progress max={Math.max(1, asked)} value={answered} />
      </label>
      <p class="quiet">Every tenth post is asked about twice, so that agreement can be told.</p>
      <dl class="facts">
        <div>
          <dt>Labelled posts, imports included</dt>
          <dd class="number">{formatCount(labelled)}</dd>
        </div>
        <div>
          <dt>Posts with several answers</dt>
          <dd class="number">{formatCount(agreement.posts)}</dd>
        </div>
        <div>
          <dt>Pairs of answers that agree</dt>
          <dd class="number">{share(agreement.raw)}</dd>
        </div>
        <div>
          <dt title="1: always agree, 0: as by chance">Krippendorff’s α</dt>
          <dd class="number">{agreement.alpha === null ? '–' : agreement.alpha.toFixed(2)}</dd>
        </div>
      </dl>
      {people.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">Reviewer</th>
              <th scope="col" class="number">
                Answers
              </th>
              <th scope="col" class="number">
                Passed over
              </th>
            </tr>
          </thead>
          <tbody>
            {people.map(({ name, answers, skipped, simulated }) => (
              <tr key={name}>
                <th scope="row" class="name" dir="auto">
                  {name}
                  {simulated && (
                    <span class="quiet"> – no person: answers with the labels that the posts came with</span>
                  )}
                </th>
                <td class="number">{formatCount(answers)}</td>
                <td class="number">{formatCount(skipped)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  )
}
