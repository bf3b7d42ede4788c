import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { mkdir, readFile, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { packageRoot } from '../../core/package-root.ts'
import { binary as versitygw } from '../s3/server.ts'
import type { Service } from './compose-file.ts'

const run = promisify(execFile)

export interface HostOptions {
  readonly folder: string
  /** What addresses and paths inside of containers are on this machine; longer ones are replaced first. */
  readonly places: Readonly<Record<string, string>>
  /** What the image and the engine set, and what differs here; stronger than the service's own. */
  readonly environment: Readonly<Record<string, string>>
}

/** Runs the commands of services as processes of this machine instead of containers. */
export class Host implements AsyncDisposable {
  readonly #options: HostOptions
  readonly #children = new Map<string, ChildProcess>()

  private constructor(options: HostOptions) {
    this.#options = options
  }

  static async open(options: HostOptions): Promise<Host> {
    // In the images these two lie on the path.
    const programs = join(options.folder, 'bin')
    await mkdir(programs, { recursive: true })
    await symlink(join(packageRoot, 'bin/driftline.js'), join(programs, 'driftline'))
    await symlink(versitygw, join(programs, 'versitygw'))
    return new Host(options)
  }

  /** @param name of the process, unique; its output goes to a file of that name */
  start(name: string, service: Service, environment: Readonly<Record<string, string>> = {}): void {
    const [program = 'driftline', ...args] = [...(service.entrypoint ?? ['driftline']), ...(service.command ?? [])]
    const output = openSync(this.#logFile(name), 'a')
    const child = spawn(
      program,
      args.map((arg) => this.#here(arg)),
      { env: this.#environment(service, environment), stdio: ['ignore', output, output] },
    )
    closeSync(output)
    this.#children.set(name, child)
  }

  /** Whether the service's health check passes. */
  async isHealthy(service: Service, environment: Readonly<Record<string, string>> = {}): Promise<boolean> {
    const [kind, ...rest] = service.healthcheck.test
    const [program = '', ...args] = kind === 'CMD' ? rest : ['sh', '-c', ...rest]
    const env = this.#environment(service, environment)
    return run(
      program,
      args.map((arg) => this.#here(arg)),
      { env },
    ).then(
      () => true,
      () => false,
    )
  }

  /** A verb in the environment of a service, as `docker compose exec` runs it. */
  async driftline(service: Service, args: readonly string[]): Promise<string> {
    const { stdout } = await run('driftline', args, { env: this.#environment(service, {}), maxBuffer: 1 << 24 })
    return stdout
  }

  /** Names of processes that have ended by themselves. */
  get ended(): readonly string[] {
    return [...this.#children]
      .filter(([, { exitCode, signalCode }]) => exitCode !== null || signalCode !== null)
      .map(([name]) => name)
  }

  async stop(name: string, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#children.get(name)
    this.#children.delete(name)
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill(signal)
    await gone
  }

  async output(name: string): Promise<string> {
    return readFile(this.#logFile(name), 'utf8')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#children.keys()].map((name) => this.stop(name)))
  }

  #logFile = (name: string): string => join(this.#options.folder, `${name}.log`)

  #here(text: string): string {
    const places = Object.entries(this.#options.places).sort(([a], [b]) => b.length - a.length)
    return places.reduce((replaced, [there, here]) => replaced.replaceAll(there, here), text)
  }

  /** Nothing of this process's own environment but what programs need to start. */
  #environment(service: Service, extra: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
    const { folder, environment } = this.#options
    const own = Object.entries(service.environment).map(([name, value]) => [name, this.#here(value)])
    return {
      PATH: `${join(folder, 'bin')}:${process.env.PATH}`,
      HOME: process.env.HOME,
      NODE_ENV: 'production',
      ...Object.fromEntries(own),
      ...environment,
      ...extra,
    }
  }
}
