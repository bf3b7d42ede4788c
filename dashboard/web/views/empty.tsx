import type { Snapshot } from '../../protocol.ts'
import { Parts } from './status.tsx'

/** What to do while there is nothing to show. */
export const Empty = ({ snapshot }: { readonly snapshot: Snapshot }) => (
  <section class="panel empty" aria-labelledby="empty-title">
    <h2 id="empty-title">{snapshot.live === null ? 'Waiting for the store' : 'Waiting for the first posts'}</h2>
    <p>Numbers appear here by themselves as soon as a post has been scored. To send some:</p>
    <dl>
      <dt>
        <code>npx driftline demo</code>
      </dt>
      <dd>starts every part, with an endless stream of made-up posts</dd>
      <dt>
        <code>npx driftline ingest file posts.jsonl</code>
      </dt>
      <dd>reads posts from a file; any part listed as not running must be started too</dd>
      <dt>
        <code>npx driftline up</code>
      </dt>
      <dd>starts every part for posts of your own</dd>
    </dl>
    <h3>Parts</h3>
    <Parts parts={snapshot.parts} />
  </section>
)
