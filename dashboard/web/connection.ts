import { type PageMessage, protocolVersion, ServerMessage, type Snapshot } from '../protocol.ts'

/**
 * - `connecting`: the first attempt is under way
 * - `open`: messages arrive
 * - `lost`: the socket closed or went silent; tries again by itself, at `retryAtMs`
 */
export type Link =
  | { readonly state: 'connecting' }
  | { readonly state: 'open' }
  | { readonly state: 'lost'; readonly retryAtMs: number }

export interface Events {
  link(link: Link): void
  snapshot(snapshot: Snapshot): void
  /** The server could not take a snapshot, and why. */
  trouble(reason: string): void
}

const firstRetryMs = 500
const longestRetryMs = 10_000
/** A server sends at least every few seconds; one that is silent this long is gone, though no close was heard. */
const silenceMs = 15_000

/** A window that is covered draws no frames, though it counts as visible; it goes on at this pace, in milliseconds. */
const coveredMs = 1_000

function afterDrawing(then: () => void): void {
  const go = () => {
    cancelAnimationFrame(frame)
    clearTimeout(timer)
    then()
  }
  const frame = requestAnimationFrame(go)
  const timer = setTimeout(go, coveredMs)
}

/** Keeps a socket to the server open until the page goes, and says what it hears. */
export function connect(address: string, events: Events): () => void {
  let socket: WebSocket | undefined
  let attempts = 0
  let retry: ReturnType<typeof setTimeout> | undefined
  let silence: ReturnType<typeof setTimeout> | undefined
  let firstVersion: string | undefined

  const say = (message: PageMessage): void => {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message))
  }
  const visible = (): boolean => document.visibilityState === 'visible'

  const listen = (): void => {
    clearTimeout(silence)
    if (visible()) silence = setTimeout(() => lose(socket), silenceMs)
  }

  const lose = (closed: WebSocket | undefined): void => {
    if (closed !== socket) return // an earlier one, already replaced
    clearTimeout(silence)
    socket = undefined
    closed?.close()
    // Up to a quarter earlier, so that a room full of pages does not come back in the same instant.
    const waitMs = Math.min(longestRetryMs, firstRetryMs * 1.7 ** attempts++) * (0.75 + Math.random() / 4)
    events.link({ state: 'lost', retryAtMs: Date.now() + waitMs })
    clearTimeout(retry)
    retry = setTimeout(open, waitMs)
  }

  const open = (): void => {
    clearTimeout(retry)
    const opened = new WebSocket(address)
    socket = opened
    opened.addEventListener('close', () => lose(opened))
    opened.addEventListener('message', ({ data }) => {
      if (opened === socket) hear(ServerMessage.parse(JSON.parse(String(data))))
    })
  }

  const hear = (message: ServerMessage): void => {
    listen()
    switch (message.type) {
      case 'hello':
        firstVersion ??= message.version
        // The server was updated, so this page is yesterday's.
        if (message.protocol !== protocolVersion || message.version !== firstVersion) location.reload()
        attempts = 0
        events.link({ state: 'open' })
        if (!visible()) say({ type: 'look', visible: false })
        return
      case 'snapshot':
        events.snapshot(message.snapshot)
        afterDrawing(() => say({ type: 'seen', seq: message.seq }))
        return
      case 'trouble':
        events.trouble(message.reason)
    }
  }

  const onVisibility = (): void => {
    say({ type: 'look', visible: visible() })
    if (visible() && socket === undefined) open()
    else listen()
  }
  const onOnline = (): void => {
    if (socket === undefined) open()
  }

  document.addEventListener('visibilitychange', onVisibility)
  window.addEventListener('online', onOnline)
  events.link({ state: 'connecting' })
  open()
  return () => {
    document.removeEventListener('visibilitychange', onVisibility)
    window.removeEventListener('online', onOnline)
    clearTimeout(retry)
    clearTimeout(silence)
    const last = socket
    socket = undefined
    last?.close()
  }
}
