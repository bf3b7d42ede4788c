import type { Reader, Writer } from '../codec.ts'

/** A request of Kafka's protocol in the one version that we speak: Kafka 2.4 to 4.x and Redpanda know all of them. */
export interface Api<Request, Response> {
  readonly name: string
  readonly key: number
  readonly version: number
  /** Newer encoding, with optional fields after each structure. */
  readonly flexible?: boolean
  write(to: Writer, request: Request): void
  read(from: Reader): Response
}

export const api = <Request, Response>(definition: Api<Request, Response>): Api<Request, Response> => definition

/** A topic's identity where it has none. */
export const noId = '0'.repeat(32)
