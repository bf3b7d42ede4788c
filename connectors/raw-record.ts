/** What a source of posts gives: a row that is still to be parsed, or one that could not even be cut out of its file. */
export type RawRecord =
  | {
      readonly kind: 'record'
      /** The row's bytes (JSON), or a value that was parsed already. */
      readonly value: unknown
      /** The bytes that `value` was made of, to be kept if it is no post; absent: `value` itself. */
      readonly raw?: Uint8Array
      /** Such as `file posts.jsonl line 7`. */
      readonly origin: string
    }
  | {
      readonly kind: 'bad'
      readonly reason: string
      /** The first bytes, at most 64 KiB. */
      readonly raw: Uint8Array
      /** Size before it was capped. */
      readonly rawBytes: number
      readonly origin: string
    }
