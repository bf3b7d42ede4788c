import { DriftlineError } from '../../core/errors.ts'
import type { Api } from './apis/api.ts'
import { findCoordinator } from './apis/group.ts'
import { type Metadata, metadata, metadataWithIds, type TopicMetadata } from './apis/metadata.ts'
import { type Address, BrokerConnection, type ConnectionOptions } from './connection.ts'
import { kafkaErrors, refused } from './failures.ts'

export interface ClusterOptions extends ConnectionOptions {
  /** Where to ask first; the cluster says what other brokers there are. */
  readonly brokers: readonly Address[]
}

/** A topic as the cluster describes it, with the node that leads each partition. */
export interface Topic {
  readonly name: string
  readonly id: string
  /** Whether `id` changes when the topic is made anew; older brokers give none, and then it is made of the names. */
  readonly identified: boolean
  /** Nodes by partition; -1: nobody leads it now. */
  readonly leaders: readonly number[]
}

/**
 * The brokers of a cluster: who leads what, and a connection to each for each kind of work, so that requests that wait for
 * news do not hold up others. Nothing here retries: whoever asks knows how long it can wait.
 */
export class Cluster {
  readonly #options: ClusterOptions
  readonly #connections = new Map<string, BrokerConnection>()
  #nodes = new Map<number, Address>()
  #turn = 0

  constructor(options: ClusterOptions) {
    this.#options = options
  }

  /** Asks any broker that answers. */
  async request<Request, Response>(api: Api<Request, Response>, request: Request): Promise<Response> {
    return this.#any((connection) => connection.request(api, request))
  }

  /** @param purpose requests of one purpose wait for each other */
  to(node: number, purpose: string): BrokerConnection {
    const address = this.#nodes.get(node)
    if (address === undefined) {
      const reason = node < 0 ? 'the partition has no leader now' : `broker ${node} is not known`
      throw new DriftlineError('LOG_UNAVAILABLE', { reason })
    }
    return this.#connection(address, purpose)
  }

  /** @returns `undefined` when there is no such topic @throws DriftlineError `LOG_UNAVAILABLE` */
  async topic(name: string): Promise<Topic | undefined> {
    const { topics, clusterId } = await this.#metadata([name])
    const found = topics.find((topic) => topic.name === name)
    if (found === undefined || found.error === kafkaErrors.unknownTopicOrPartition) return undefined
    return topicOf(found, clusterId)
  }

  async topics(): Promise<readonly Topic[]> {
    const { topics, clusterId } = await this.#metadata(null)
    return topics.filter(({ internal, error }) => !internal && error === 0).map((topic) => topicOf(topic, clusterId))
  }

  /** Whom to ask for changes of topics. @throws DriftlineError `LOG_UNAVAILABLE` */
  async controller(): Promise<BrokerConnection> {
    return this.to((await this.#metadata([])).controller, 'data')
  }

  /** The connection to the broker that keeps a group. @throws DriftlineError `LOG_UNAVAILABLE` */
  async coordinator(group: string, purpose = `group ${group}`): Promise<BrokerConnection> {
    const { error, host, port } = await this.request(findCoordinator, { group })
    if (error !== 0) throw refused('LOG_UNAVAILABLE', `to name the coordinator of ${group}`, error)
    return this.#connection({ host, port }, purpose)
  }

  close(): void {
    for (const connection of this.#connections.values()) connection.close()
  }

  async #metadata(topics: readonly string[] | null): Promise<Metadata> {
    const found = await this.#any(async (connection) => {
      const highest = await connection.highestVersion(metadata.key)
      const api = highest >= 12 ? metadataWithIds(12) : highest === 11 ? metadataWithIds(11) : metadata
      return connection.request(api, { topics })
    })
    if (found.brokers.length > 0)
      this.#nodes = new Map(found.brokers.map(({ node, host, port }) => [node, { host, port }]))
    return found
  }

  async #any<Result>(ask: (connection: BrokerConnection) => Promise<Result>): Promise<Result> {
    const addresses = unique([...this.#options.brokers, ...this.#nodes.values()])
    let failure: unknown
    for (let tried = 0; tried < addresses.length; tried++) {
      const address = addresses[this.#turn % addresses.length]
      if (address === undefined) break
      try {
        return await ask(this.#connection(address, 'metadata'))
      } catch (error) {
        failure = error
        this.#turn++
      }
    }
    throw failure
  }

  #connection(address: Address, purpose: string): BrokerConnection {
    const key = `${address.host}:${address.port} ${purpose}`
    const existing = this.#connections.get(key)
    if (existing !== undefined) return existing
    const made = new BrokerConnection(address, this.#options)
    this.#connections.set(key, made)
    return made
  }
}

function topicOf({ name, id, error, partitions }: TopicMetadata, clusterId: string | null): Topic {
  if (error !== 0 && error !== kafkaErrors.leaderNotAvailable) {
    throw refused('LOG_UNAVAILABLE', `to describe topic ${name}`, error)
  }
  const leaders = [...partitions].sort((a, b) => a.partition - b.partition).map(({ leader }) => leader)
  return { name, id: id ?? `${clusterId}/${name}`, identified: id !== undefined, leaders }
}

const unique = (addresses: readonly Address[]): Address[] => [
  ...new Map(addresses.map((address) => [`${address.host}:${address.port}`, address])).values(),
]
