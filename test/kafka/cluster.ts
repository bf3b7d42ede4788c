import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { initProducerId } from '../../connectors/kafka/apis/write.ts'
import { brokersOf } from '../../connectors/kafka/brokers.ts'
import { Cluster } from '../../connectors/kafka/cluster.ts'
import { silentLog } from '../../core/log.ts'
import { freePorts } from '../free-ports.ts'
import { makeCertificate } from './certificate.ts'
import { classpath, javaOptions, type KafkaVersion, runJava } from './classpath.ts'

export interface ClusterOptions {
  readonly version: KafkaVersion
  /** 1 or 3 (default 1); each is broker and controller. */
  readonly brokers?: number
  /** Adds listeners with TLS, with SASL, and with both; user `alice`, password `alice-secret`. */
  readonly secured?: boolean
  /** Lines for each broker's properties. */
  readonly properties?: Readonly<Record<string, string>>
}

type Listener = 'plain' | 'tls' | 'sasl' | 'saslTls'

interface Broker {
  readonly id: number
  readonly folder: string
  readonly ports: Readonly<Record<Listener | 'controller', number>>
  process: ChildProcess | undefined
}

export const credentials = { username: 'alice', password: 'alice-secret' } as const

/**
 * Real Kafka brokers (KRaft) on free ports in a folder of their own, which can be killed, frozen and started again.
 */
export class KafkaCluster implements AsyncDisposable {
  readonly version: KafkaVersion
  /** PEM file of the authority that signed the brokers' certificate, for listeners with TLS. */
  readonly caFile: string
  readonly #folder: string
  readonly #brokers: readonly Broker[]
  readonly #classpath: string

  private constructor(version: KafkaVersion, jars: string, folder: string, brokers: readonly Broker[]) {
    this.version = version
    this.#classpath = jars
    this.#folder = folder
    this.#brokers = brokers
    this.caFile = join(folder, 'ca.pem')
  }

  static async start(options: ClusterOptions): Promise<KafkaCluster> {
    const { version, brokers: count = 1, secured = false } = options
    const jars = await classpath(version)
    const folder = await mkdtemp(join(tmpdir(), 'driftline-kafka-'))
    const ports = await freePorts(5 * count)
    const brokers = Array.from({ length: count }, (_, index): Broker => {
      const [plain = 0, tls = 0, sasl = 0, saslTls = 0, controller = 0] = ports.slice(5 * index)
      const own = { plain, tls, sasl, saslTls, controller }
      return { id: index + 1, folder: join(folder, `broker-${index + 1}`), ports: own, process: undefined }
    })
    const cluster = new KafkaCluster(version, jars, folder, brokers)
    try {
      if (secured) await makeCertificate(folder)
      const clusterId = randomBytes(16).toString('base64url')
      await Promise.all(brokers.map((broker) => cluster.#format(broker, clusterId, options)))
      for (const { id } of brokers) cluster.startBroker(id)
      await cluster.ready()
      return cluster
    } catch (error) {
      const logs = await Promise.all(brokers.map(({ id }) => cluster.brokerLog(id).catch(() => '')))
      await cluster[Symbol.asyncDispose]()
      throw new Error(`Kafka ${version} did not start:\n${logs.map((log) => log.slice(-4000)).join('\n')}`, {
        cause: error,
      })
    }
  }

  /** Addresses for `kafkaBrokers`. */
  addresses(listener: Listener = 'plain'): string {
    return this.#brokers.map(({ ports }) => `127.0.0.1:${ports[listener]}`).join(',')
  }

  get ids(): readonly number[] {
    return this.#brokers.map(({ id }) => id)
  }

  /** Of a broker's process; `undefined` while it does not run. */
  pid(id = 1): number | undefined {
    return this.#broker(id).process?.pid
  }

  startBroker(id = 1): void {
    const broker = this.#broker(id)
    if (broker.process !== undefined) throw new Error(`broker ${id} runs already`)
    const output = openSync(join(broker.folder, 'broker.log'), 'a')
    broker.process = spawn(
      'java',
      [...javaOptions, '-cp', this.#classpath, 'kafka.Kafka', join(broker.folder, 'server.properties')],
      { stdio: ['ignore', output, output], cwd: broker.folder },
    )
    closeSync(output)
  }

  /** SIGKILL, and waits until the process is gone. */
  async kill(id = 1): Promise<void> {
    await this.#end(this.#broker(id), 'SIGKILL')
  }

  /** SIGTERM: an orderly shutdown. */
  async stop(id = 1): Promise<void> {
    await this.#end(this.#broker(id), 'SIGTERM')
  }

  freeze(id = 1): void {
    this.#broker(id).process?.kill('SIGSTOP')
  }

  thaw(id = 1): void {
    this.#broker(id).process?.kill('SIGCONT')
  }

  /** Waits until every broker that runs accepts connections and the cluster answers. */
  async ready(timeoutMs = 240_000): Promise<void> {
    const deadline = Date.now() + timeoutMs
    for (const { process, ports, id } of this.#brokers) {
      if (process === undefined) continue
      while (!(await accepts(ports.plain))) {
        if (process.exitCode !== null) throw new Error(`broker ${id} ended with ${process.exitCode}`)
        if (Date.now() > deadline) throw new Error(`broker ${id} does not listen after ${timeoutMs} ms`)
        await sleep(50)
      }
    }
    // A broker that listens is still reading its state; one that numbers producers is done.
    const cluster = new Cluster({
      brokers: brokersOf(this.addresses()),
      clientId: 'test',
      timeoutMs: 2000,
      log: silentLog,
      tls: undefined,
      sasl: undefined,
    })
    try {
      for (;;) {
        const answer = await cluster.request(initProducerId, null).catch((error: unknown) => error)
        if (
          answer !== null &&
          typeof answer === 'object' &&
          'producer' in answer &&
          'error' in answer &&
          answer.error === 0
        )
          return
        if (Date.now() > deadline)
          throw new Error(`the cluster does not answer after ${timeoutMs} ms`, { cause: answer })
        await sleep(50)
      }
    } finally {
      cluster.close()
    }
  }

  async brokerLog(id = 1): Promise<string> {
    return readFile(join(this.#broker(id).folder, 'broker.log'), 'utf8')
  }

  /** Runs one of Kafka's own tools against the cluster. */
  tool(main: string, args: readonly string[], input?: string): Promise<string> {
    return runJava(this.version, main, ['--bootstrap-server', this.addresses(), ...args], input)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#brokers.map((broker) => this.#end(broker, 'SIGKILL')))
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 })
  }

  async #format(broker: Broker, clusterId: string, options: ClusterOptions): Promise<void> {
    await mkdir(broker.folder, { recursive: true })
    const file = join(broker.folder, 'server.properties')
    const lines = Object.entries(propertiesOf(broker, this.#brokers, this.#folder, options))
    await writeFile(file, lines.map(([key, value]) => `${key}=${value}\n`).join(''))
    const { username, password } = credentials
    const scram = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
      '--add-scram',
      `${mechanism}=[name=${username},password=${password}]`,
    ])
    const users = options.secured === true ? scram : []
    // In one argument with its name: one of 64 identifiers begins with a dash, which reads as the next option.
    const id = `--cluster-id=${clusterId}`
    await runJava(this.version, 'kafka.tools.StorageTool', ['format', id, '-c', file, ...users])
  }

  async #end(broker: Broker, signal: NodeJS.Signals): Promise<void> {
    const { process } = broker
    broker.process = undefined
    if (process === undefined || process.exitCode !== null || process.signalCode !== null) return
    const gone = once(process, 'exit')
    process.kill(signal)
    if (signal !== 'SIGKILL') process.kill('SIGCONT')
    await gone
  }

  #broker(id: number): Broker {
    const broker = this.#brokers.find((candidate) => candidate.id === id)
    if (broker === undefined) throw new Error(`there is no broker ${id}`)
    return broker
  }
}

/**
 * A dead broker is noticed after 3 s instead of 9, where another can take over: that is what tests wait for. One that is alone
 * must not be taken for dead because the machine is busy: nobody could make a topic until it is back.
 */
const quickFailover = { 'broker.session.timeout.ms': '3000', 'broker.heartbeat.interval.ms': '500' }

function propertiesOf(
  { id, ports, folder }: Broker,
  all: readonly Broker[],
  shared: string,
  { secured = false, properties = {} }: ClusterOptions,
): Record<string, string> {
  const listeners: [string, string, number][] = [
    ['PLAIN', 'PLAINTEXT', ports.plain],
    ...(secured
      ? ([
          ['TLS', 'SSL', ports.tls],
          ['SASL', 'SASL_PLAINTEXT', ports.sasl],
          ['SASLTLS', 'SASL_SSL', ports.saslTls],
        ] satisfies [string, string, number][])
      : []),
  ]
  const copies = String(Math.min(3, all.length))
  const { username, password } = credentials
  const jaas = (module: string) => `org.apache.kafka.common.security.${module} required`
  const plainJaas = `${jaas('plain.PlainLoginModule')} username="${username}" password="${password}" user_${username}="${password}";`
  const scramJaas = `${jaas('scram.ScramLoginModule')};`
  const security: Record<string, string> = {
    'ssl.keystore.type': 'PKCS12',
    'ssl.keystore.location': join(shared, 'broker.p12'),
    'ssl.keystore.password': 'password',
    'ssl.key.password': 'password',
    ...Object.fromEntries(
      ['sasl', 'sasltls'].flatMap((name) => [
        [`listener.name.${name}.sasl.enabled.mechanisms`, 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512'],
        [`listener.name.${name}.plain.sasl.jaas.config`, plainJaas],
        [`listener.name.${name}.scram-sha-256.sasl.jaas.config`, scramJaas],
        [`listener.name.${name}.scram-sha-512.sasl.jaas.config`, scramJaas],
      ]),
    ),
  }
  return {
    'process.roles': 'broker,controller',
    'node.id': String(id),
    'controller.quorum.voters': all.map((broker) => `${broker.id}@127.0.0.1:${broker.ports.controller}`).join(','),
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAIN',
    listeners: [...listeners, ['CONTROLLER', '', ports.controller] as const]
      .map(([name, , port]) => `${name}://127.0.0.1:${port}`)
      .join(','),
    'listener.security.protocol.map': [
      ...listeners.map(([name, protocol]) => `${name}:${protocol}`),
      'CONTROLLER:PLAINTEXT',
    ].join(','),
    'log.dirs': join(folder, 'data'),
    'auto.create.topics.enable': 'false',
    'delete.topic.enable': 'true',
    'default.replication.factor': copies,
    'min.insync.replicas': String(Math.max(1, Number(copies) - 1)),
    'offsets.topic.replication.factor': copies,
    'offsets.topic.num.partitions': '2',
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '2',
    'group.initial.rebalance.delay.ms': '0',
    ...(all.length > 1 ? quickFailover : {}),
    'num.network.threads': '2',
    'num.io.threads': '4',
    'log.cleaner.dedupe.buffer.size': '2097152',
    ...(secured ? security : {}),
    ...properties,
  }
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
