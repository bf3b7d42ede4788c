import { rawLimit } from '../../text/dead-post.ts'

export interface Line {
  /** 1-based, as editors count. */
  readonly number: number
  /** Without its line break; of an overlong line only the first 64 KiB. */
  readonly bytes: Buffer
  /** Size before it was cut. */
  readonly size: number
  readonly overlong: boolean
  /** What ended it: '\n', '\r\n', or '' at the end of the file. */
  readonly ending: string
}

/** Longest line that is taken. */
export const lineLimit = 1024 * 1024

const newline = 0x0a
const carriageReturn = 0x0d
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf])

/**
 * Cuts bytes into lines. Of an overlong line only the beginning is held in memory. A byte order mark before a line is dropped
 * (files joined with `cat` have some in the middle), and a file that ends with a line break has no empty line after it.
 */
export class LineSplitter {
  #number = 0
  #parts: Buffer[] = []
  #size = 0

  /** The last line, when no line break follows it. */
  end(): Line | undefined {
    return this.#size > 0 ? this.#finish('') : undefined
  }

  *push(data: Buffer): Generator<Line, void, undefined> {
    let from = 0
    for (let at = data.indexOf(newline); at !== -1; at = data.indexOf(newline, from)) {
      this.#keep(data.subarray(from, at))
      yield this.#finish('\n')
      from = at + 1
    }
    if (from < data.length) this.#keep(data.subarray(from))
  }

  #keep(part: Buffer): void {
    const wasOverlong = this.#size > lineLimit + 1 // a carriage return does not count
    this.#size += part.length
    if (wasOverlong) return
    this.#parts.push(part)
    if (this.#size > lineLimit + 1) this.#parts = [Buffer.from(Buffer.concat(this.#parts).subarray(0, rawLimit))]
  }

  #finish(ending: string): Line {
    const [only] = this.#parts
    const whole = this.#parts.length === 1 && only !== undefined ? only : Buffer.concat(this.#parts)
    const size = this.#size
    this.#parts = []
    this.#size = 0
    const number = ++this.#number
    if (size > lineLimit + 1) return { number, bytes: whole, size, overlong: true, ending }
    const marked = whole[0] === 0xef && whole.subarray(0, 3).equals(byteOrderMark)
    const returned = ending !== '' && whole.at(-1) === carriageReturn
    const bytes = whole.subarray(marked ? 3 : 0, whole.length - (returned ? 1 : 0))
    const overlong = bytes.length > lineLimit
    return {
      number,
      bytes: overlong ? bytes.subarray(0, rawLimit) : bytes,
      size: bytes.length,
      overlong,
      ending: returned ? '\r\n' : ending,
    }
  }
}

const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x09 || byte === carriageReturn

export const isBlank = ({ bytes, overlong }: Line): boolean => !overlong && bytes.every(isSpace)
