import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { machine } from './machine.ts'

/** What benches have around them: options, a folder that goes again, claims and whether they hold. */

/** `undefined`: a text that need not be given. A list: texts, from an option that may be repeated. */
type Default = string | number | boolean | undefined | readonly string[]
type Options<Defaults> = {
  readonly [Name in keyof Defaults]: Defaults[Name] extends number
    ? number
    : Defaults[Name] extends boolean
      ? boolean
      : Defaults[Name] extends string
        ? string
        : Defaults[Name] extends undefined
          ? string | undefined
          : readonly string[]
}

/** What was asked for cannot be done: the message says why, and no stack would help. */
export class WrongUse extends Error {
  override readonly name = 'WrongUse'
}

/**
 * Reads options as `--count 5` and `--json`.
 *
 * @returns `undefined` for `--help`, after `usage` was printed
 * @throws WrongUse
 */
export function readOptions<const Defaults extends Readonly<Record<string, Default>>>(
  args: readonly string[],
  usage: string,
  defaults: Defaults,
): Options<Defaults> | undefined {
  const known = Object.entries<Default>({ ...defaults, help: false })
  const types = known.map(([name, preset]) => {
    const type = typeof preset === 'boolean' ? ('boolean' as const) : ('string' as const)
    return [name, { type, multiple: Array.isArray(preset) }] as const
  })
  const values = parsed(args, Object.fromEntries(types))
  if (values.help === true) {
    process.stdout.write(`${usage}\n`)
    return undefined
  }
  const read = known.map(([name, preset]) => {
    const given = values[name] ?? preset
    return [name, typeof preset === 'number' ? numberIn(String(given), `--${name}: `) : given] as const
  })
  return Object.fromEntries(read) as Options<Defaults>
}

function parsed(args: readonly string[], options: NonNullable<Parameters<typeof parseArgs>[0]>['options']) {
  try {
    return parseArgs({ args: [...args], options: options ?? {} }).values
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new WrongUse(`${error.message} (--help lists the options)`, { cause: error })
  }
}

function numberIn(text: string, where = ''): number {
  const number = text === '' ? Number.NaN : Number(text)
  if (Number.isNaN(number)) throw new WrongUse(`${where}${JSON.stringify(text)} is no number`)
  return number
}

/** What stands between commas. */
export const list = (text: string): string[] => text.split(',').filter((item) => item !== '')

/** @throws WrongUse */
export const numbers = (text: string): number[] => list(text).map((item) => numberIn(item))

/** @throws WrongUse */
export function oneOf<const Value extends string>(text: string, known: readonly Value[]): Value {
  const found = known.find((value) => value === text)
  if (found === undefined) throw new WrongUse(`${JSON.stringify(text)} is none of ${known.join(', ')}`)
  return found
}

/**
 * @param use its folder is removed once it is done, or has failed
 * @param keep it is not, and its name is printed
 */
export async function inTemporaryFolder<Result>(
  use: (folder: string) => Promise<Result>,
  keep = false,
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'driftline-bench-'))
  try {
    return await use(folder)
  } finally {
    if (keep) process.stderr.write(`folder: ${folder}\n`)
    else await rm(folder, { recursive: true, force: true, maxRetries: 5 }) // a process that ends may write a last file
  }
}

export interface Claim {
  readonly claim: string
  readonly holds: boolean
  /** Those that break it, a line each. */
  readonly broken?: readonly string[]
}

export interface Report {
  readonly bench: string
  readonly args: readonly string[]
  readonly claims: readonly Claim[]
  /** Printed instead of the lines when `json` is asked for. */
  readonly measured: object
  readonly lines: readonly string[]
}

/** Prints where and what was measured, and what of the claims holds. */
export function print({ bench, args, claims, measured, lines }: Report, json: boolean): void {
  const where = machine()
  const text = [
    `${where}; bench ${bench} ${args.join(' ')}`,
    ...lines,
    ...claims.flatMap(({ claim, holds, broken = [] }) => [
      `${holds ? 'holds  ' : 'FAILS  '} ${claim}`,
      ...broken.map((one) => `        ${one}`),
    ]),
  ]
  const result = { machine: where, args, ...measured, claims }
  process.stdout.write(`${json ? JSON.stringify(result, null, 2) : text.join('\n')}\n`)
}
