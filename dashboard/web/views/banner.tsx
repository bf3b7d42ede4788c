import { formatCount } from '../format.ts'
import { type LiveState, useNow } from '../use-live.ts'

/** What is wrong, if anything; read out when it changes, which is why it holds no age that ticks. */
export function Banner({ live }: { readonly live: LiveState }) {
  const nowMs = useNow()
  const { link, snapshot, trouble } = live
  const lost = link.state === 'lost'
  const messages = lost
    ? ['The connection to the dashboard is lost. The numbers stand still until it is back.']
    : [
        ...(trouble === undefined ? [] : [`The numbers could not be read: ${trouble}`]),
        ...(snapshot?.parts ?? []).flatMap(({ name, state, detail }) => {
          if (state === 'halted') return [`${name} is halted and needs a person: ${detail}`]
          return (name === 'store' || name === 'log') && state !== 'ok' ? [`Waiting for the ${name}: ${detail}`] : []
        }),
      ]
  const waitSeconds = lost ? Math.max(0, Math.ceil((link.retryAtMs - nowMs) / 1000)) : 0
  return (
    <div class="banner" data-shown={messages.length > 0}>
      <div role="status" aria-live="polite">
        {messages.map((message) => (
          <p key={message}>{message}</p>
        ))}
      </div>
      {lost && (
        <p class="quiet number" aria-hidden="true">
          {waitSeconds > 0 ? `Trying again in ${formatCount(waitSeconds)} s` : 'Trying again …'}
        </p>
      )}
    </div>
  )
}
