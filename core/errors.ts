/**
 * Every failure a user can meet, by code. `retry` decides what the runtime does; `summary` says what failed and `hint`
 * what to do next. `docs/errors.md` has one section for each code, and a test holds the two together.
 */
export const catalogue = {
  CONFIG_INVALID: {
    retry: false,
    summary: 'the configuration is not valid',
    hint: 'Run `driftline config` to see each value and where it came from.',
  },
  USAGE: { retry: false, summary: 'wrong use of the command line', hint: 'Add --help to the command.' },
  POST_INVALID: {
    retry: false,
    summary: 'a record is not a post',
    hint: 'The record and the reason are kept in dead_posts; correct its producer.',
  },
  SOURCE_UNAVAILABLE: {
    retry: true,
    summary: 'a source cannot be read',
    hint: 'Check that the path or the address exists and may be read.',
  },
  STREAM_BROKEN: {
    retry: false,
    summary: 'a source that can be read only once broke off',
    hint: 'What had arrived is kept. Send the rest again, or put it into a file, which can be resumed.',
  },
  SINK_UNAVAILABLE: {
    retry: true,
    summary: 'a sink did not accept the batch',
    hint: 'Check that it is running; the same batch is sent again.',
  },
  WRITE_REJECTED: {
    retry: false,
    summary: 'a sink refused rows for good',
    hint: 'The rows named in the details are kept as dead posts.',
  },
  LOG_UNAVAILABLE: {
    retry: true,
    summary: 'the event log is not available',
    hint: 'With Kafka, check that the brokers named in kafkaBrokers answer. With the embedded log, check the data folder, and that only one process writes to it.',
  },
  CHECKPOINT_MISMATCH: {
    retry: false,
    summary: 'a checkpoint belongs to another version of the flow',
    hint: 'It holds items for a step that is gone. Let the version that wrote it run to the end of its input first.',
  },
  TOPIC_RECREATED: {
    retry: false,
    summary: 'the topic is not the one that was read before',
    hint: 'Its identity changed, it ends before our position, or retention has removed what came next. Nothing is skipped. To go on with the first record that is there: `driftline score --accept-recreated`.',
  },
  STORE_UNAVAILABLE: {
    retry: true,
    summary: 'ClickHouse does not answer',
    hint: 'Start it with `driftline store`, or set DRIFTLINE_CLICKHOUSE_URL.',
  },
  CLUSTER_UNSUPPORTED: {
    retry: false,
    summary: 'a migration has no form for a cluster',
    hint: 'This is a fault of Driftline: clickhouse/cluster.ts does not know a statement of this kind. Report it.',
  },
  STORE_LOCKED: {
    retry: false,
    summary: 'another process uses this embedded ClickHouse',
    hint: 'One process at a time opens a data folder: use the one that runs, or stop it.',
  },
  SQL_FAILED: {
    retry: false,
    summary: 'ClickHouse refused the statement',
    hint: 'docs/sql.md describes the tables and views.',
  },
  SCHEMA_NEWER: {
    retry: false,
    summary: 'the tables were made by a newer Driftline',
    hint: 'Update this installation; a newer schema is never changed by an older program.',
  },
  ADDRESS_UNAVAILABLE: {
    retry: false,
    summary: 'the address cannot be listened on',
    hint: 'Stop what uses the port, or choose another; port 0 takes any free one.',
  },
  MODEL_INVALID: {
    retry: false,
    summary: 'the model directory cannot be used',
    hint: 'It needs model.onnx, tokenizer.json, config.json and manifest.json that agree; see docs/models.md.',
  },
  MODEL_UNSAFE: {
    retry: false,
    summary: 'the model would do what no text classifier may',
    hint: 'Nothing was run. The details name the file and what is wrong with it; docs/models.md lists what is refused.',
  },
  MODEL_TOO_COSTLY: {
    retry: false,
    summary: 'the model takes more time or memory than it may',
    hint: 'It was tried in a process of its own, which was ended. The details name the step and the limit.',
  },
  MODEL_CRASHED: {
    retry: false,
    summary: 'the model ended the process that tried it',
    hint: 'Export it again, or with another opset; the details name the step that it did not survive.',
  },
  HUB_UNAVAILABLE: {
    retry: false,
    summary: 'the model cannot be downloaded',
    hint: 'Check id, revision and network, and HF_TOKEN for gated models; or fetch it otherwise and import its directory.',
  },
  VERSION_UNKNOWN: {
    retry: false,
    summary: 'the registry has no such version',
    hint: 'Run `driftline models list` to see what there is; `driftline models publish` adds a model directory.',
  },
  VERSION_IN_USE: {
    retry: false,
    summary: 'the version is in use and cannot be removed',
    hint: 'The details say by what. Move the alias, end the challenger or stop the job that uses it first.',
  },
  ALIAS_MOVED: {
    retry: false,
    summary: 'the alias does not point where it was expected',
    hint: 'Somebody else has moved it, and nothing was changed. Look with `driftline models list` and decide again.',
  },
  DOCUMENT_MOVED: {
    retry: false,
    summary: 'the document is not at the revision that was expected',
    hint: 'Somebody else has written it, and nothing was changed. Read it again and decide again.',
  },
  TRAFFIC_TAKEN: {
    retry: false,
    summary: 'other canaries have the posts that this one is to take',
    hint: 'Lower their shares or stop one first: `driftline models canary` shows them.',
  },
  CERTIFICATE_MISSING: {
    retry: false,
    summary: 'the version has no passing certificate',
    hint: '`driftline train` writes one. To use the version all the same, say so: --force --reason "…".',
  },
  GATES_FAILED: {
    retry: false,
    summary: 'the version did not pass its gates',
    hint: 'The details name the gates; gates.html beside the model shows them. To use it all the same, say so: --force --reason "…".',
  },
  SIGNATURE_MISSING: {
    retry: false,
    summary: 'no trusted key signed the version',
    hint: '`driftline models sign` signs one. DRIFTLINE_TRUSTED_KEYS says whose signatures count; unset, none is needed.',
  },
  REGISTRY_INVALID: {
    retry: false,
    summary: 'a file of the registry cannot be read',
    hint: 'Files in the registry are written once: restore the one named in the details from a backup.',
  },
  REGISTRY_UNAVAILABLE: {
    retry: true,
    summary: 'the registry cannot be reached',
    hint: 'Check DRIFTLINE_REGISTRY_URL, DRIFTLINE_S3_ENDPOINT and the network; what was asked is asked again where that is safe.',
  },
  REGISTRY_REFUSED: {
    retry: false,
    summary: 'the object store of the registry refused the request',
    hint: 'Check the bucket, the credentials and what they may do: docs/models.md lists the permissions.',
  },
  OPERATOR_UNSUPPORTED: {
    retry: false,
    summary: 'the model has an operator that cannot be trained',
    hint: 'Export the model in float32 at an opset from 11 to 21, without quantisation or fused operators.',
  },
  INFERENCE_FAILED: {
    retry: false,
    summary: 'the model failed on a batch',
    hint: 'The batch is cut in halves until the posts that cause it are found; they are kept as dead posts.',
  },
  PROVIDER_UNAVAILABLE: {
    retry: false,
    summary: 'the device asked for does not work here',
    hint: 'Set DRIFTLINE_DEVICE=cpu, or run `driftline doctor` to see what is missing.',
  },
  TRAINING_DIVERGED: {
    retry: false,
    summary: 'the loss is no longer a number',
    hint: 'Lower the learning rate or set clipNorm; the weights of the last good step are kept.',
  },
  TRAINING_MEMORY: {
    retry: false,
    summary: 'training does not fit in memory',
    hint: 'Use a smaller batch, shorter texts or fewer workers.',
  },
  TRAINING_FAILED: {
    retry: false,
    summary: 'a training worker stopped',
    hint: 'The cause names the worker and its error; train again with --workers 1 to see whether it is the model.',
  },
  CERTIFICATE_FAILED: {
    retry: false,
    summary: 'onnxruntime does not compute what was trained',
    hint: 'The details name the first value that differs: please report it with the model. Nothing may score with this version.',
  },
  BACKEND_UNAVAILABLE: {
    retry: false,
    summary: 'the training backend asked for does not work here',
    hint: 'Use --backend wasm, which needs no installation, or install what the details name.',
  },
  LABELS_INVALID: {
    retry: false,
    summary: 'the labels cannot be trained on',
    hint: 'A row needs a text and a label of the model; at least two classes must occur, and one post has one label.',
  },
} as const satisfies Record<string, { retry: boolean; summary: string; hint: string }>

export type ErrorCode = keyof typeof catalogue

/** A failure from the catalogue. A bug of our own throws a plain `Error` instead and stops the job. */
export class DriftlineError extends Error {
  override readonly name = 'DriftlineError'
  readonly code: ErrorCode
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, details: Readonly<Record<string, unknown>> = {}, options?: ErrorOptions) {
    super([catalogue[code].summary, describe(details)].filter((part) => part !== '').join(': '), options)
    this.code = code
    this.details = details
  }

  get retryable(): boolean {
    return catalogue[this.code].retry
  }

  get hint(): string {
    return catalogue[this.code].hint
  }
}

/** `reason` first, then the other details as `name=value`. */
function describe(details: Readonly<Record<string, unknown>>): string {
  const { reason, ...rest } = details
  const fields = Object.entries(rest).map(([name, value]) => `${name}=${text(value)}`)
  return [reason === undefined ? [] : [text(reason)], fields].flat().join(' ')
}

const mostText = 2000

/** What was in a file may stand here: neither does it steer a terminal, nor fill it. */
function text(value: unknown): string {
  const said = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'undefined')
  const shown = said.length > mostText ? `${said.slice(0, mostText)}… (${said.length} characters)` : said
  return printable(shown)
}

/** A text of strangers with what would steer a terminal written as its code. */
export const printable = (said: string): string =>
  said.replace(
    /(?![\t\n])[\p{Cc}\p{Bidi_Control}]/gu,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

/** The message of anything that was thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
