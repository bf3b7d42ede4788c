import { useState } from 'preact/hooks'

const key = 'driftline.reviewer'

/** A browser may keep pages from storing anything; then the name lasts as long as the page. */
function storage(): Storage | undefined {
  try {
    return window.localStorage
  } catch {
    return undefined
  }
}

export const rememberedName = (): string => storage()?.getItem(key)?.trim() ?? ''
export const forgetName = (): void => storage()?.removeItem(key)

/** Asks for the name that the answers are kept under. */
export function WhoAmI({ onName }: { readonly onName: (name: string) => void }) {
  const [name, setName] = useState('')
  const trimmed = name.trim()
  return (
    <section class="panel empty" aria-labelledby="who-title">
      <h2 id="who-title">Who reviews?</h2>
      <p>Answers are kept with the name of who gave them, so that several people can be compared.</p>
      <form
        class="who"
        onSubmit={(event) => {
          event.preventDefault()
          if (trimmed === '') return
          storage()?.setItem(key, trimmed)
          onName(trimmed)
        }}
      >
        <label>
          Your name{' '}
          <input
            name="reviewer"
            autocomplete="nickname"
            maxLength={64}
            required
            value={name}
            onInput={({ currentTarget }) => setName(currentTarget.value)}
          />
        </label>{' '}
        <button type="submit">Start</button>
      </form>
    </section>
  )
}
