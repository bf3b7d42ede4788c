import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { packageRoot } from '../../core/package-root.ts'

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Started {
  readonly child: ChildProcess
  /** Lines of stdout that came so far. */
  readonly lines: readonly string[]
  readonly stderr: () => string
  readonly ended: Promise<Finished>
  /** The next line of stdout; fails when the program ends first. */
  line(): Promise<string>
}

/** A data folder of its own, and the program as a user runs it: as a process, with nothing in its environment but this. */
export class Workplace implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'driftline-test-'))
  readonly data = join(this.folder, 'data')
  /** For temporary files: of nobody else, so that what is left over can be told. */
  readonly temporary = join(this.folder, 'tmp')
  readonly #env: NodeJS.ProcessEnv
  readonly #running = new Set<ChildProcess>()

  constructor(env: Readonly<Record<string, string>> = {}) {
    mkdirSync(this.temporary)
    this.#env = {
      PATH: process.env.PATH,
      TMPDIR: this.temporary,
      DRIFTLINE_DATA: this.data,
      DRIFTLINE_MODEL: join(packageRoot, 'test/fixtures/models/bag'), // of 40 KB; texts that hold "poison" fail in it
      DRIFTLINE_STORE_PORT: '0',
      DRIFTLINE_PORT: '0',
      DRIFTLINE_WORKERS: '1',
      DRIFTLINE_LOG_LEVEL: 'warn',
      ...env,
    }
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  start(...args: readonly string[]): Started {
    const child = spawn(process.execPath, [join(packageRoot, 'bin/driftline.js'), ...args], {
      cwd: this.folder,
      env: this.#env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#running.add(child)
    const lines: string[] = []
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    const reader = createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
    const ended = once(child, 'close').then(([code]): Finished => {
      this.#running.delete(child)
      return { code: code as number | null, stdout: lines.map((line) => `${line}\n`).join(''), stderr }
    })
    return {
      child,
      lines,
      stderr: () => stderr,
      ended,
      line: async () => {
        const next = once(reader, 'line').then(([line]) => String(line))
        const end = ended.then(({ code }) => Promise.reject(new Error(`it ended with ${code}:\n${stderr}`)))
        return await Promise.race([next, end])
      },
    }
  }

  /** Runs a verb to its end. */
  run(...args: readonly string[]): Promise<Finished> {
    return this.start(...args).ended
  }

  /** Runs a verb that must succeed, and parses what it prints with `--json`. */
  async json<Result>(...args: readonly string[]): Promise<Result> {
    const { code, stdout, stderr } = await this.run(...args, '--json')
    if (code !== 0) throw new Error(`driftline ${args.join(' ')} ended with ${code}:\n${stdout}${stderr}`)
    return JSON.parse(stdout) as Result
  }

  /** Rows of a query, by `driftline sql`. */
  async rows<Row>(query: string): Promise<Row[]> {
    const { code, stdout, stderr } = await this.run('sql', query, '--format', 'JSONEachRow')
    if (code !== 0) throw new Error(`driftline sql ended with ${code}:\n${stderr}`)
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Row)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = [...this.#running].map((child) => once(child, 'close'))
    for (const child of this.#running) child.kill('SIGKILL')
    await Promise.all(ended)
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Waits until `holds` gives something; the test's own time-out is the limit. */
export async function eventually<Value>(holds: () => Promise<Value | undefined> | Value | undefined): Promise<Value> {
  for (;;) {
    const value = await holds()
    if (value !== undefined) return value
    await sleep(50)
  }
}

/** Whether a process runs; one that has ended and waits for its parent to notice does not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  const stat = `/proc/${pid}/stat` // Linux only; elsewhere the parent of an orphan notices at once
  return !existsSync(stat) || !/\) [ZX] /.test(readFileSync(stat, 'utf8'))
}
