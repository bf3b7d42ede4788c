import type { FastifyInstance } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import type { JobStatus, StatusFile } from '../../core/status.ts'
import type { LiveFeed } from './feed.ts'

type Labels = Readonly<Record<string, string | number>>

interface Family {
  readonly name: string
  readonly type: 'gauge' | 'counter'
  readonly help: string
  readonly samples: readonly { readonly labels: Labels; readonly value: number }[]
}

/**
 * `/metrics` in Prometheus' text format. Every number is read from a job's status or a part's state at the moment of the
 * scrape, so there is nothing to register or to count here, which is all that a client library would add.
 */
export const metrics = fastifyPlugin(async (server: FastifyInstance, { feed }: { readonly feed: LiveFeed }) => {
  server.get('/metrics', async (_request, reply) => {
    const [jobs, parts] = await Promise.all([feed.jobs(), feed.parts()])
    const up: Family = {
      name: 'driftline_part_up',
      type: 'gauge',
      help: '1 when the part works, 0 when it waits, is halted or absent.',
      samples: parts.map(({ name, state }) => ({ labels: { part: name }, value: state === 'ok' ? 1 : 0 })),
    }
    return reply
      .type('text/plain; version=0.0.4; charset=utf-8')
      .header('cache-control', 'no-store')
      .send(exposition([up, ...jobFamilies(jobs)]))
  })
})

/** `replica` only for one of several: an absent label is an empty one to Prometheus. */
const labelsOf = ({ job, replica }: JobStatus): Labels => (replica === undefined ? { job } : { job, replica })

function jobFamilies(files: readonly StatusFile[]): readonly Family[] {
  const known = files.flatMap(({ status, answering }) => (status === undefined ? [] : [{ status, answering }]))
  const answering = known.flatMap(({ status, answering: now }) => (now ? [status] : []))
  const perPartition = answering.flatMap((status) =>
    status.partitions.map((partition) => ({
      partition,
      labels: { ...labelsOf(status), topic: partition.topic, partition: partition.partition },
    })),
  )
  return [
    {
      name: 'driftline_job_answering',
      type: 'gauge',
      help: '1 when the job wrote its status lately.',
      samples: known.map(({ status, answering: now }) => ({ labels: labelsOf(status), value: now ? 1 : 0 })),
    },
    {
      name: 'driftline_job_start_time_seconds',
      type: 'gauge',
      help: 'When the job started, in seconds since the epoch.',
      samples: known.map(({ status }) => ({ labels: labelsOf(status), value: status.startedAt / 1000 })),
    },
    {
      name: 'driftline_job_items_total',
      type: 'counter',
      help: 'Items since the job started, by what became of them.',
      samples: known.flatMap(({ status }) =>
        Object.entries(status.counts).map(([kind, value]) => ({ labels: { ...labelsOf(status), kind }, value })),
      ),
    },
    {
      name: 'driftline_job_items_per_second',
      type: 'gauge',
      help: 'Items per second over the last few seconds.',
      samples: answering.flatMap((status) =>
        Object.entries(status.rates).map(([kind, value]) => ({ labels: { ...labelsOf(status), kind }, value })),
      ),
    },
    {
      name: 'driftline_partition_lag',
      type: 'gauge',
      help: 'Records appended and not yet processed.',
      samples: perPartition.map(({ partition, labels }) => ({ labels, value: partition.lag })),
    },
    {
      name: 'driftline_partition_position',
      type: 'gauge',
      help: 'The next offset to process.',
      samples: perPartition.map(({ partition, labels }) => ({ labels, value: partition.position })),
    },
    {
      name: 'driftline_partition_halted',
      type: 'gauge',
      help: '1 when the partition stopped and needs a person.',
      samples: perPartition.map(({ partition, labels }) => ({ labels, value: partition.state === 'halted' ? 1 : 0 })),
    },
    {
      name: 'driftline_alerts',
      type: 'gauge',
      help: 'Alerts that are pending or fire, by rule.',
      samples: answering.flatMap((status) =>
        (status.alerts ?? []).map(({ rule, state, alerts }) => ({
          labels: { ...labelsOf(status), rule, state },
          value: alerts,
        })),
      ),
    },
    {
      name: 'driftline_model_info',
      type: 'gauge',
      help: 'Always 1: the model in use and the provider it truly runs on.',
      samples: answering.flatMap((status) => {
        const { model, provider = 'unknown' } = status
        if (model === undefined) return []
        return [{ labels: { ...labelsOf(status), model: model.name, version: model.version, provider }, value: 1 }]
      }),
    },
  ]
}

const exposition = (families: readonly Family[]): string =>
  families
    .filter(({ samples }) => samples.length > 0)
    .flatMap(({ name, type, help, samples }) => [
      `# HELP ${name} ${help}`,
      `# TYPE ${name} ${type}`,
      ...samples.map(({ labels, value }) => `${name}{${labelText(labels)}} ${value}`),
    ])
    .join('\n')
    .concat('\n')

const labelText = (labels: Labels): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${String(value).replace(/["\\\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`))}"`)
    .join(',')
