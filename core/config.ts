import { existsSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { z } from 'zod'
import { alertProblems, alertSettings, shownWebhook } from './alert-settings.ts'
import { DriftlineError, messageOf } from './errors.ts'
import { retrainingSettings } from './retraining-settings.ts'

const flag = z.union([z.boolean(), z.stringbool()])
const count = (max: number) => z.coerce.number().int().min(1).max(max)

/** Every setting, with its default, its unit and a sentence. Times are in milliseconds unless the name says otherwise. */
export const configSchema = z.strictObject({
  data: z
    .string()
    .min(1)
    .default('.driftline')
    .describe('Folder of the event log, the embedded ClickHouse, the registry and the keys.'),
  kafkaBrokers: z.string().optional().describe('Comma-separated host:port list; unset means the embedded event log.'),
  kafkaClientId: z
    .string()
    .min(1)
    .max(200)
    .default('driftline')
    .describe('How brokers name us in their logs and quotas.'),
  kafkaPrefix: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,100}$/)
    .default('driftline')
    .describe('Begins the names of our consumer groups and of the topic that keeps what producers have done.'),
  kafkaTls: flag.default(false).describe('Encrypt connections to brokers; kafkaTlsCa and the others imply it.'),
  kafkaTlsCa: z
    .string()
    .optional()
    .describe('PEM file of the authorities trusted for brokers; unset means those of Node.'),
  kafkaTlsCert: z.string().optional().describe('PEM file of our certificate, for brokers that ask for one.'),
  kafkaTlsKey: z.string().optional().describe('PEM file of the key of kafkaTlsCert.'),
  kafkaSasl: z
    .enum(['plain', 'scram-sha-256', 'scram-sha-512'])
    .optional()
    .describe('How to log in to brokers, with kafkaUser and kafkaPassword; unset means not at all.'),
  kafkaUser: z.string().default('').describe('User for kafkaSasl.'),
  kafkaPassword: z.string().default('').describe('Password for kafkaSasl.'),
  kafkaReplication: z.coerce
    .number()
    .int()
    .min(0)
    .max(32)
    .default(0)
    .describe('Copies of each Kafka topic that we make; 0 means the default of the cluster.'),
  kafkaCompression: z
    .enum(['none', 'gzip', 'snappy', 'lz4', 'zstd'])
    .default('lz4')
    .describe('How records are compressed on their way to Kafka; zstd needs Node 22.15. All of them can be read.'),
  clickhouseUrl: z.url().optional().describe('HTTP address of a ClickHouse server; unset means the embedded one.'),
  clickhouseUser: z.string().default('default').describe('User for clickhouseUrl.'),
  clickhousePassword: z
    .string()
    .default('')
    .describe('Password for clickhouseUrl; the embedded one keeps its own in the data folder.'),
  clickhouseCluster: z
    .string()
    .regex(/^[\w.-]{1,64}$/)
    .optional()
    .describe('Cluster of clickhouseUrl over which tables are replicated and distributed; unset means one server.'),
  database: z
    .string()
    .regex(/^[A-Za-z_]\w{0,62}$/)
    .default('driftline')
    .describe('ClickHouse database that holds the tables.'),
  storePort: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(8123)
    .describe('Loopback port of the embedded ClickHouse; 0 takes any free one.'),
  host: z.string().default('127.0.0.1').describe('Address the dashboard binds; any other than loopback needs a token.'),
  port: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(8787)
    .describe('Port of the dashboard; 0 takes any free one.'),
  token: z.string().min(16).optional().describe('Bearer token of the dashboard, at least 16 characters.'),
  device: z
    .enum(['auto', 'cpu', 'cuda', 'webgpu'])
    .default('auto')
    .describe('Where the model runs; auto falls back to cpu and says so.'),
  variant: z
    .enum(['auto', 'fp32', 'int8', 'fp16'])
    .default('auto')
    .describe('Which numbers of the model run; auto is fp16 on cuda where the model has it, else fp32.'),
  model: z
    .string()
    .min(1)
    .default('sentiment')
    .describe('Model to score with: a name in the registry, whose champion is followed; name@version; or a directory.'),
  replica: z
    .string()
    .regex(/^[\w.-]{1,64}$/)
    .transform((name) => (name === 'auto' ? hostname().slice(0, 64) : name))
    .optional()
    .describe('Name of this process among several that do one job together; auto takes the host name.'),
  registryUrl: z
    .string()
    .regex(
      /^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/[A-Za-z0-9._-]+)*\/?$/,
      'must be s3://bucket or s3://bucket/prefix',
    )
    .optional()
    .describe('Bucket of the model registry as s3://bucket/prefix; unset means the data folder.'),
  s3Endpoint: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('HTTP address of an S3-compatible store; unset means AWS. Also AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL.'),
  s3Region: z.string().default('us-east-1').describe('Region of the bucket. Also AWS_REGION, AWS_DEFAULT_REGION.'),
  s3PathStyle: flag
    .optional()
    .describe("Write the bucket into the path and not into the host's name; unset means: when s3Endpoint is set."),
  s3AccessKeyId: z.string().optional().describe('Access key for the bucket. Also AWS_ACCESS_KEY_ID.'),
  s3SecretAccessKey: z.string().optional().describe('Its secret. Also AWS_SECRET_ACCESS_KEY.'),
  s3SessionToken: z.string().optional().describe('Token of temporary credentials. Also AWS_SESSION_TOKEN.'),
  trustedKeys: z
    .string()
    .optional()
    .describe('Public keys, or their files, separated by commas: only versions that one of them signed are loaded.'),
  topic: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,200}$/)
    .default('posts')
    .describe('Topic that posts are read from; poison goes to `<topic>.dead`.'),
  map: z
    .string()
    .min(1)
    .optional()
    .describe('For a topic in other JSON than ours: which of its fields are ours, `text=body,id=key` (docs/kafka.md).'),
  partitions: count(256).default(4).describe('Partitions of a topic that does not exist yet.'),
  retentionHours: z.coerce
    .number()
    .positive()
    .default(168)
    .describe('Hours that the log keeps a post; for Kafka: in topics that we make.'),
  retentionMb: z.coerce
    .number()
    .positive()
    .default(4096)
    .describe('Megabytes that the log keeps per topic, over all its partitions; for Kafka: in topics that we make.'),
  workers: z.coerce
    .number()
    .int()
    .min(0)
    .max(256)
    .default(0)
    .describe('Inference threads; 0 means one less than the cores, at least one.'),
  batchPosts: count(100_000).default(2048).describe('Most posts scored and inserted together per partition.'),
  lingerMs: z.coerce
    .number()
    .min(0)
    .max(60_000)
    .default(50)
    .describe('Longest wait for a batch to fill, in milliseconds.'),
  batchTokens: count(1_000_000).default(512).describe('Most tokens, padding included, in one run of the model.'),
  driftSchedule: z
    .string()
    .min(9)
    .default('0 * * * *')
    .describe('When drift is checked: a cron expression in UTC, with an optional field for seconds in front.'),
  driftAlarms: z.coerce
    .number()
    .positive()
    .default(1)
    .describe('False-alarm budget: at most so many alarms without a change in `driftAlarmDays`.'),
  driftAlarmDays: z.coerce.number().positive().max(3650).default(30).describe('Days of the false-alarm budget.'),
  driftWindowSeconds: count(31_536_000)
    .default(3600)
    .describe(
      'Length of the window that a check looks at, in seconds of event time; it grows until `driftMinPosts` are in it.',
    ),
  driftMinPosts: count(10_000_000).default(500).describe('Fewest posts of a window; with fewer nothing is compared.'),
  driftBaselinePosts: count(10_000_000)
    .default(10_000)
    .describe('Fewest first posts of a version that are taken as normal: what its windows are compared with.'),
  driftBaselineSeconds: z.coerce
    .number()
    .min(0)
    .default(86_400)
    .describe('Shortest stretch of them, in seconds of event time: a day holds each hour once.'),
  driftLatenessSeconds: z.coerce
    .number()
    .min(0)
    .default(30)
    .describe('How long a window waits for late posts, in seconds.'),
  driftSegments: z.coerce
    .number()
    .int()
    .min(0)
    .max(50)
    .default(5)
    .describe('Sources and languages, the largest first, that are also checked by themselves; 0 for none.'),
  driftMinShift: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(0.03)
    .describe(
      'Smallest share of the posts that must have moved to another class, confidence, source or language to matter.',
    ),
  driftMinAccuracyDrop: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(0.02)
    .describe('Smallest fall of the accuracy, estimated or measured, that matters.'),
  proofSeconds: z.coerce
    .number()
    .min(1)
    .max(3600)
    .default(20)
    .describe('Seconds of computing that trying a version may take before it may score; each 100 MB of model add ten.'),
  logLevel: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
    .default('info')
    .describe('Least severe log line that is written to stderr.'),
  ...retrainingSettings,
  ...alertSettings,
  demoRate: z.coerce
    .number()
    .positive()
    .max(1_000_000)
    .default(200)
    .describe('Posts per second that the demo source makes.'),
  demoSeed: z.coerce.number().int().default(1).describe('Seed of the demo source.'),
  dangerouslyUnguarded: flag
    .default(false)
    .describe('Score at least once, and double rows after crashes; only for the control of `npm run bench -- kill`.'),
  openBrowser: flag.default(false).describe('Open the dashboard in a browser once it is ready.'),
})

/** With what must hold between settings. */
const wholeConfig = configSchema.superRefine((config, context) => {
  for (const { path, message } of alertProblems(config)) context.addIssue({ code: 'custom', path, message })
})

export type Config = z.infer<typeof configSchema>
export type ConfigKey = keyof Config
export type Origin = 'flag' | 'environment' | 'file' | 'default'

/** Keys whose value is never shown. */
const secretKeys: readonly ConfigKey[] = [
  'clickhousePassword',
  'kafkaPassword',
  'token',
  's3SecretAccessKey',
  's3SessionToken',
]

/** A value as it may be shown: secrets, the password inside an address and the paths of webhooks are masked. */
export function shown(key: ConfigKey, config: Config): Config[ConfigKey] {
  const mask = '********'
  const value = config[key]
  if (key === 'alertWebhooks') return config.alertWebhooks.map((webhook) => shownWebhook(webhook, mask))
  if (value === undefined || value === '') return value
  if (secretKeys.includes(key)) return mask
  if (key !== 'clickhouseUrl' && key !== 's3Endpoint') return value
  const url = new URL(String(value))
  if (url.password === '') return value
  url.password = mask
  return url.href
}

export interface LoadedConfig {
  readonly config: Config
  readonly origins: Readonly<Record<ConfigKey, Origin>>
  /** The configuration file that was read, if there is one. */
  readonly file: string | undefined
}

/** `batchPosts` → `DRIFTLINE_BATCH_POSTS`. */
export const environmentName = (key: string): string =>
  `DRIFTLINE_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`

/** Variables that other programs read for the same, in the order in which they count. */
const standardNames: Partial<Readonly<Record<ConfigKey, readonly string[]>>> = {
  s3Endpoint: ['AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL'],
  s3Region: ['AWS_REGION', 'AWS_DEFAULT_REGION'],
  s3AccessKeyId: ['AWS_ACCESS_KEY_ID'],
  s3SecretAccessKey: ['AWS_SECRET_ACCESS_KEY'],
  s3SessionToken: ['AWS_SESSION_TOKEN'],
}

/**
 * Flags, then `DRIFTLINE_*`, then `driftline.config.json` in the working folder, then defaults.
 *
 * @throws DriftlineError `CONFIG_INVALID` naming every key that is wrong and where it was set
 */
export function loadConfig(
  flags: Readonly<Record<string, unknown>> = {},
  environment: Readonly<Record<string, string | undefined>> = process.env,
  folder = process.cwd(),
): LoadedConfig {
  const file = resolve(folder, 'driftline.config.json')
  const fromFile = existsSync(file) ? readJson(file) : {}
  const keys = Object.keys(configSchema.shape) as ConfigKey[]
  const origins = {} as Record<ConfigKey, Origin>
  const input: Record<string, unknown> = {}
  for (const key of keys) {
    const names = [environmentName(key), ...(standardNames[key] ?? [])]
    const [origin, value] = [
      ['flag', flags[key]] as const,
      ['environment', names.map((name) => environment[name]).find((value) => value)] as const,
      ['file', fromFile[key]] as const,
      ['default', undefined] as const,
    ].find(([, candidate]) => candidate !== undefined) ?? ['default', undefined]
    origins[key] = origin
    if (value !== undefined) input[key] = value
  }
  const unknown = Object.keys(fromFile).filter((key) => !(key in configSchema.shape))
  const parsed = wholeConfig.safeParse(input)
  if (!parsed.success || unknown.length > 0) {
    const problems = parsed.success
      ? []
      : parsed.error.issues.map((issue) => {
          const key = String(issue.path[0]) as ConfigKey
          const inside = issue.path
            .slice(1)
            .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
          return `${key}${inside.join('')} (from ${origins[key]}): ${issue.message}`
        })
    const reason = [...problems, ...unknown.map((key) => `${key} (from file): no such key`)].join('; ')
    throw new DriftlineError('CONFIG_INVALID', { reason })
  }
  return {
    config: { ...parsed.data, data: resolve(folder, parsed.data.data) },
    origins,
    file: existsSync(file) ? file : undefined,
  }
}

function readJson(file: string): Record<string, unknown> {
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch (error) {
    throw new DriftlineError('CONFIG_INVALID', { file, reason: messageOf(error) }, { cause: error })
  }
}
