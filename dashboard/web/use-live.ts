import { useEffect, useState } from 'preact/hooks'
import type { Snapshot } from '../protocol.ts'
import { connect, type Link } from './connection.ts'

export interface LiveState {
  readonly link: Link
  readonly snapshot: Snapshot | undefined
  /** When `snapshot` came, by this page's clock. */
  readonly receivedAtMs: number
  /** Why the server's last attempt to take a snapshot failed. */
  readonly trouble: string | undefined
}

/** The newest snapshot and the state of the connection it comes over. */
export function useLive(): LiveState {
  const [state, setState] = useState<LiveState>({
    link: { state: 'connecting' },
    snapshot: undefined,
    receivedAtMs: 0,
    trouble: undefined,
  })
  useEffect(() => {
    const address = new URL('./ws', location.href)
    address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:'
    address.hash = ''
    return connect(address.href, {
      link: (link) => setState((before) => ({ ...before, link })),
      snapshot: (snapshot) =>
        setState((before) => ({ ...before, snapshot, receivedAtMs: Date.now(), trouble: undefined })),
      trouble: (trouble) => setState((before) => ({ ...before, trouble })),
    })
  }, [])
  return state
}

/** The time, told again each second. */
export function useNow(): number {
  const [nowMs, setNowMs] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => setNowMs(Date.now()), 1_000)
    return () => clearInterval(timer)
  }, [])
  return nowMs
}
