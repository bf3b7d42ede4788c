import type { Clock } from '../../core/clock.ts'
import { DriftlineError, messageOf } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { Bell } from '../../dataflow/bell.ts'
import { heartbeat, joinGroup, leaveGroup, offsetCommit, syncGroup } from './apis/group.ts'
import { assign } from './assign.ts'
import type { Cluster } from './cluster.ts'
import type { BrokerConnection } from './connection.ts'
import { kafkaErrors, refused } from './failures.ts'
import { decodeAssignment, decodeSubscribed, encodeAssignment, encodeSubscribed } from './subscription-metadata.ts'
import type { Topics } from './topics.ts'

export interface GroupTimes {
  /** A member that is silent for so long is out, in milliseconds. */
  readonly sessionMs: number
  /** How long the group waits for its members to finish what they do and join again. */
  readonly rebalanceMs: number
  readonly heartbeatMs: number
}

export const groupTimes: GroupTimes = { sessionMs: 10_000, rebalanceMs: 20_000, heartbeatMs: 1000 }

export interface GroupOptions {
  readonly cluster: Cluster
  readonly topics: Topics
  readonly clock: Clock
  readonly log: Log
  readonly group: string
  readonly topic: string
  readonly times: GroupTimes
}

const protocol = 'driftline-sticky'
const longestPauseMs = 2000
const farewellMs = 1000
/** How often the member that shares out looks whether the topic has more partitions. */
const lookEveryMs = 30_000

type Answer = 'ok' | 'rejoin' | 'forgotten'

/**
 * Membership of one process in the group that shares a topic's partitions. It joins, beats, and joins again when the group
 * changes; what was assigned goes on meanwhile. A partition that is taken away is first closed here (the next set is only
 * asked for then), and only then given to another member. A process that was away too long may find its partitions with
 * somebody else when it returns: it closes them then, and what it wrote meanwhile the position guard of the rows sorts out.
 */
export class GroupMember {
  readonly #options: GroupOptions
  readonly #changed = new Bell()
  readonly #ending = new AbortController()
  #member = ''
  #generation = -1
  /** What is worked on here. */
  #owned: readonly number[] = []
  #assigned: readonly number[] | undefined
  /** The number of partitions that were shared out, if that was done here. */
  #shared: number | undefined
  #isTaken = false

  constructor(options: GroupOptions) {
    this.#options = options
  }

  /** The sets of partitions, one after the other; asking for the next says that what is not in the last one is closed. */
  async *assignments(signal: AbortSignal): AsyncGenerator<readonly string[]> {
    const stop = () => this.#ending.abort()
    signal.addEventListener('abort', stop)
    if (signal.aborted) stop()
    const life = this.#live()
    let failure: { readonly error: unknown } | undefined
    life.catch((error: unknown) => {
      failure = { error }
      this.#changed.ring()
    })
    this.#ending.signal.addEventListener('abort', () => this.#changed.ring())
    try {
      while (!this.#ending.signal.aborted) {
        while (this.#isTaken || this.#assigned === undefined) {
          if (failure !== undefined) throw failure.error
          if (this.#ending.signal.aborted) return
          await this.#changed.wait()
        }
        const assigned = this.#assigned
        yield assigned.map(String)
        this.#owned = assigned
        this.#isTaken = this.#assigned === assigned // else a newer one came while the flow was closing
        this.#closed.ring()
      }
    } finally {
      signal.removeEventListener('abort', stop)
      stop()
      // A broker that does not answer must not hold up the end: it notices by itself that the member is gone.
      await Promise.race([life.catch(() => undefined), this.#options.clock.sleep(farewellMs)])
    }
  }

  /** Rung when the flow has closed what was taken away. */
  readonly #closed = new Bell()

  /** For lag tools; nothing happens while this process is no member. */
  async commit(positions: ReadonlyMap<number, number>): Promise<void> {
    const { cluster, group, topic } = this.#options
    if (this.#generation < 0) return
    const membership = { group, generation: this.#generation, member: this.#member }
    const connection = await cluster.coordinator(group, 'commit') // a join would hold it up
    await connection.request(offsetCommit, { ...membership, topic, positions })
  }

  async #live(): Promise<void> {
    const { log, group } = this.#options
    const { signal } = this.#ending
    for (let failures = 0; !signal.aborted; ) {
      try {
        const connection = await this.#options.cluster.coordinator(group)
        await this.#joined(connection, () => {
          failures = 0
        })
      } catch (error) {
        if (signal.aborted) break
        if (!(error instanceof DriftlineError && error.retryable)) throw error
        if (failures === 0) log.warn({ err: error, group }, 'the group cannot be reached; what is assigned goes on')
        await this.#pause(Math.min(longestPauseMs, 100 * 2 ** failures++))
      }
    }
    await this.#leave().catch((error: unknown) => log.debug({ reason: messageOf(error), group }, 'left without a word'))
  }

  /** One stay with a coordinator: joins and beats until it fails. */
  async #joined(connection: BrokerConnection, onJoined: () => void): Promise<void> {
    const { signal } = this.#ending
    while (!signal.aborted) {
      const assigned = await this.#join(connection)
      if (assigned === undefined) continue
      onJoined()
      const lost = this.#owned.filter((partition) => !assigned.includes(partition))
      this.#publish(assigned)
      let answer = await this.#beatUntilClosed(connection)
      // Given back what was to move: join again without it, so that it gets its new owner.
      if (answer === 'ok' && lost.length === 0) answer = await this.#beatUntilChange(connection)
      if (answer === 'forgotten') this.#member = ''
    }
  }

  /** @returns the partitions assigned, or `undefined` when it has to join again */
  async #join(connection: BrokerConnection): Promise<readonly number[] | undefined> {
    const { topics, group, topic, times, log } = this.#options
    const metadata = encodeSubscribed({ topic, owned: this.#owned, generation: this.#generation })
    const request = {
      group,
      member: this.#member,
      sessionTimeoutMs: times.sessionMs,
      rebalanceTimeoutMs: times.rebalanceMs,
      protocol,
      metadata,
    }
    const joined = await connection.request(joinGroup, request, times.rebalanceMs)
    if (joined.error === kafkaErrors.memberIdRequired) {
      this.#member = joined.member
      return undefined
    }
    if (joined.error === kafkaErrors.unknownMember) {
      this.#member = ''
      return undefined
    }
    if (joined.error !== 0) throw refused('LOG_UNAVAILABLE', `to join group ${group}`, joined.error)
    this.#member = joined.member
    const { generation } = joined
    const isLeader = joined.leader === joined.member
    const partitions = isLeader ? (await topics.existing(topic)).leaders.length : 0
    const claims = joined.members.map(({ member, metadata }) => ({ member, ...decodeSubscribed(metadata, topic) }))
    const shares = isLeader ? [...assign(claims, partitions)] : []
    const synced = await connection.request(
      syncGroup,
      {
        group,
        generation,
        member: joined.member,
        assignments: shares.map(([member, own]) => ({ member, assignment: encodeAssignment(topic, own) })),
      },
      times.rebalanceMs,
    )
    if (synced.error === kafkaErrors.rebalanceInProgress) return undefined
    if (synced.error === kafkaErrors.unknownMember || synced.error === kafkaErrors.illegalGeneration) {
      this.#member = ''
      return undefined
    }
    if (synced.error !== 0) throw refused('LOG_UNAVAILABLE', `to share out group ${group}`, synced.error)
    this.#generation = generation
    this.#shared = isLeader ? partitions : undefined
    const assigned = decodeAssignment(synced.assignment, topic)
    log.info({ group, generation, members: isLeader ? joined.members.length : undefined, assigned }, 'joined the group')
    return assigned
  }

  #publish(assigned: readonly number[]): void {
    this.#assigned = assigned
    this.#isTaken = false
    this.#changed.ring()
  }

  async #beatUntilClosed(connection: BrokerConnection): Promise<Answer> {
    while (!this.#isTaken && !this.#ending.signal.aborted) {
      const answer = await this.#beat(connection)
      if (answer === 'forgotten') return answer
      if (!this.#isTaken) await this.#pause(Math.min(100, this.#options.times.heartbeatMs), this.#closed)
    }
    return 'ok'
  }

  async #beatUntilChange(connection: BrokerConnection): Promise<Answer> {
    const { clock, topics, topic, times } = this.#options
    let lookAtMs = clock.now() + lookEveryMs
    while (!this.#ending.signal.aborted) {
      const answer = await this.#beat(connection)
      if (answer !== 'ok') return answer
      if (this.#shared !== undefined && clock.now() >= lookAtMs) {
        if ((await topics.existing(topic)).leaders.length !== this.#shared) return 'rejoin'
        lookAtMs = clock.now() + lookEveryMs
      }
      await this.#pause(times.heartbeatMs)
    }
    return 'ok'
  }

  async #beat(connection: BrokerConnection): Promise<Answer> {
    const { group } = this.#options
    const { error } = await connection.request(heartbeat, { group, generation: this.#generation, member: this.#member })
    switch (error) {
      case kafkaErrors.none:
        return 'ok'
      case kafkaErrors.rebalanceInProgress:
        return 'rejoin'
      case kafkaErrors.unknownMember:
      case kafkaErrors.illegalGeneration:
        return 'forgotten'
      default:
        throw refused('LOG_UNAVAILABLE', `a heartbeat of group ${group}`, error)
    }
  }

  async #leave(): Promise<void> {
    const { cluster, group } = this.#options
    if (this.#member === '') return
    const connection = await cluster.coordinator(group)
    await connection.request(leaveGroup, { group, member: this.#member })
    this.#generation = -1
  }

  /** Waits, or less when the membership ends or `bell` rings. */
  async #pause(ms: number, bell?: Bell): Promise<void> {
    const { clock } = this.#options
    const over = new AbortController()
    const stop = AbortSignal.any([this.#ending.signal, over.signal])
    const slept = clock.sleep(ms, stop).catch(() => undefined)
    if (bell === undefined) await slept
    else await Promise.race([slept, bell.wait()])
    over.abort()
  }
}
