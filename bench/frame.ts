import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { machine } from './machine.ts'

/** What benches have around them: options, a folder that goes again, claims and whether they hold. */

type Default = string | number | boolean
type Options<Defaults> = {
  readonly [Name in keyof Defaults]: Defaults[Name] extends number
    ? number
    : Defaults[Name] extends string
      ? string
      : boolean
}

/** Reads options as `--count 5` and `--json`. @returns `undefined` for `--help`, after `usage` was printed */
export function readOptions<const Defaults extends Readonly<Record<string, Default>>>(
  args: readonly string[],
  usage: string,
  defaults: Defaults,
): Options<Defaults> | undefined {
  const known = Object.entries<Default>({ ...defaults, help: false })
  const types = known.map(
    ([name, preset]) => [name, { type: typeof preset === 'boolean' ? 'boolean' : 'string' }] as const,
  )
  const { values } = parseArgs({ args: [...args], options: Object.fromEntries(types) })
  if (values.help === true) {
    process.stdout.write(`${usage}\n`)
    return undefined
  }
  const read = known.map(([name, preset]) => {
    const given = values[name] ?? preset
    return [name, typeof preset === 'number' ? Number(given) : given] as const
  })
  return Object.fromEntries(read) as Options<Defaults>
}

/** @param use its folder is removed once it is done, or has failed */
export async function inTemporaryFolder<Result>(use: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'driftline-bench-'))
  try {
    return await use(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
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
