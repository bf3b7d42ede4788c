import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { packageRoot } from '../../core/package-root.ts'
import type { RegistryPlace } from '../../models/registry/open-registry.ts'
import { freePorts } from '../free-ports.ts'

/** Where `test/s3/install.sh` puts the server. */
export const binary = join(packageRoot, 'node_modules/.cache/versitygw-v1.8.0/versitygw')

const [accessKey, secretKey] = ['driftline-test', 'a-secret-of-the-tests']

/** A real S3 server, in a process and a folder of its own, with one bucket. */
export class S3Server {
  readonly endpoint: string
  readonly #child: ChildProcess
  readonly #folder: string
  #prefixes = 0

  private constructor(endpoint: string, child: ChildProcess, folder: string) {
    this.endpoint = endpoint
    this.#child = child
    this.#folder = folder
  }

  static async start(): Promise<S3Server> {
    if (!existsSync(binary)) throw new Error('there is no S3 server: run `bash test/s3/install.sh`, which needs Go')
    const folder = await mkdtemp(join(tmpdir(), 'driftline-s3-'))
    await mkdir(join(folder, 'objects/models'), { recursive: true })
    const [port = 0] = await freePorts(1)
    // The temporary folder must know extended attributes: kept in files beside (--sidecar), an object and its etag
    // change one after the other, and of two writers with the same etag both won in one of ten races.
    const posix = ['posix', join(folder, 'objects')]
    const child = spawn(binary, ['--port', `127.0.0.1:${port}`, '--quiet', '--keep-alive', ...posix], {
      env: { ROOT_ACCESS_KEY: accessKey, ROOT_SECRET_KEY: secretKey },
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    await answers(port, child)
    return new S3Server(`http://127.0.0.1:${port}`, child, folder)
  }

  /** A place in the bucket where nothing is yet. @param data folder of copies */
  emptyPlace(data: string): RegistryPlace & { registryUrl: string } {
    return {
      data,
      registryUrl: `s3://models/prefix-${++this.#prefixes}`,
      s3Endpoint: this.endpoint,
      s3AccessKeyId: accessKey,
      s3SecretAccessKey: secretKey,
    }
  }

  /** Changes an object behind everybody's back, where the server keeps it. */
  async overwrite({ registryUrl }: { readonly registryUrl: string }, key: RegExp, content: string): Promise<void> {
    const root = join(this.#folder, 'objects', registryUrl.slice('s3://'.length))
    const names = (await readdir(root, { recursive: true })).map((name) => join(root, name))
    const found = names.find((name) => key.test(name))
    if (found === undefined) throw new Error(`no object ${key}`)
    await writeFile(found, content)
  }

  async stop(): Promise<void> {
    const exit = once(this.#child, 'exit')
    this.#child.kill()
    await exit
    await rm(this.#folder, { recursive: true, force: true })
  }
}

async function answers(port: number, child: ChildProcess): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the S3 server ended with code ${child.exitCode}`)
    const socket = connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      return
    } catch {
      await delay(50)
    } finally {
      socket.destroy()
    }
  }
}
