/** Codes of ClickHouse that this program raises or looks at itself. */
export const codes = {
  BAD_ARGUMENTS: 36,
  READONLY: 164,
  NOT_IMPLEMENTED: 48,
  SYNTAX_ERROR: 62,
  UNKNOWN_SETTING: 115,
  TOO_LARGE_STRING_SIZE: 131,
  REQUIRED_PASSWORD: 194,
  TOO_MANY_SIMULTANEOUS_QUERIES: 202,
  QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING: 216,
  INTO_OUTFILE_NOT_ALLOWED: 358,
  SESSION_NOT_FOUND: 372,
  SESSION_IS_LOCKED: 373,
  INVALID_SESSION_TIMEOUT: 374,
  QUERY_WAS_CANCELLED: 394,
  AUTHENTICATION_FAILED: 516,
  UNKNOWN_EXCEPTION: 1002,
} as const

export type ExceptionName = keyof typeof codes

/** A failure as ClickHouse words it: `Code: 62. DB::Exception: … (SYNTAX_ERROR)`. */
export class ClickHouseException extends Error {
  override readonly name = 'ClickHouseException'
  readonly code: number
  /** Overrides the HTTP status that follows from the code. */
  readonly status: number | undefined

  private constructor(message: string, code: number, status?: number, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.status = status
  }

  static raise(name: ExceptionName, what: string, status?: number): ClickHouseException {
    return new ClickHouseException(`Code: ${codes[name]}. DB::Exception: ${what} (${name})`, codes[name], status)
  }

  /** What the engine threw; it carries the code, and repeats it where an exception was rethrown. */
  static of(error: unknown): ClickHouseException {
    if (error instanceof ClickHouseException) return error
    const message = error instanceof Error ? error.message : String(error)
    const carried = error instanceof Error && 'clickhouseCode' in error ? error.clickhouseCode : undefined
    const code = typeof carried === 'number' ? carried : codes.UNKNOWN_EXCEPTION
    const text = message.replace(/^(Code: \d+\. DB::Exception: )(?:Code: \d+\. DB::Exception: )+/, '$1')
    return new ClickHouseException(text, code, undefined, { cause: error })
  }
}

const clientFaults = [6, 26, 27, 36, 38, 41, 42, 43, 44, 45, 49, 53, 57, 62, 69, 70, 117, 158, 386, 456, 457, 130, 131]
const unknownNames = [16, 46, 47, 50, 60, 56, 73, 79, 81, 115, 51, 52, 372]

/** The status that ClickHouse's HTTP handler answers with; 500 for what is in no list. */
export function httpStatus({ code, status }: ClickHouseException): number {
  if (status !== undefined) return status
  if (code === codes.REQUIRED_PASSWORD) return 401
  if (code === codes.AUTHENTICATION_FAILED || code === 192 || code === 497) return 403
  if (code === codes.NOT_IMPLEMENTED) return 501
  if (code === 159) return 408
  if (code === codes.TOO_MANY_SIMULTANEOUS_QUERIES) return 503
  if (clientFaults.includes(code)) return 400
  return unknownNames.includes(code) ? 404 : 500
}
