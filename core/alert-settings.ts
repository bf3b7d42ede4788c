import { z } from 'zod'

const share = z.number().min(0).max(1)
const seconds = (max: number) => z.number().min(0).max(max)
const name = z.string().regex(/^[A-Za-z0-9][\w .-]{0,63}$/, 'letters, digits, spaces, dots, hyphens and _; at most 64')
const dayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const
const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be HH:MM, in UTC')

const MuteTime = z.strictObject({
  days: z
    .array(z.enum(dayNames))
    .min(1)
    .default([...dayNames])
    .describe('Days of the week on which it begins, in UTC.'),
  from: timeOfDay.describe('When it begins, HH:MM in UTC.'),
  to: timeOfDay.describe('When it ends; not after `from` means on the next day.'),
})
export type MuteTime = z.infer<typeof MuteTime>

/** What rules of each kind have. */
const everyRule = {
  name: name.describe('Name of the rule, told in each notice; no two rules have the same.'),
  severity: z.enum(['info', 'warning', 'critical']).default('warning').describe('How bad it is, for whoever is told.'),
  forSeconds: seconds(604_800).default(0).describe('Seconds that the condition must hold before the alert fires.'),
  resolveSeconds: seconds(604_800)
    .default(0)
    .describe('Seconds that the condition must be gone before a firing alert is resolved.'),
  repeatMinutes: z
    .number()
    .min(0)
    .max(43_200)
    .default(240)
    .describe('Minutes after which a notice of an alert that still fires is repeated; 0 means never.'),
  webhooks: z.array(name).optional().describe('Names of the webhooks that are told; unset means all, [] none.'),
  mute: z.array(MuteTime).default([]).describe('Times in which nobody is told that the alert fires; history goes on.'),
} as const

/** Of rules that look at posts one source or hashtag at a time. */
const grouped = {
  by: z
    .enum(['all', 'source', 'hashtag'])
    .default('all')
    .describe('What is judged by itself: the whole stream, each source or each hashtag.'),
  only: z
    .array(
      z
        .string()
        .min(1)
        .max(200)
        .transform((tag) => tag.replace(/^#/, '')),
    )
    .min(1)
    .optional()
    .describe('The sources or hashtags to look at; unset means all of them.'),
  maxGroups: z
    .int()
    .min(1)
    .max(1000)
    .default(100)
    .describe('Most sources or hashtags that are judged at once, those with the most posts.'),
  latenessSeconds: seconds(86_400)
    .default(10)
    .describe('Seconds of event time that a window waits for late posts before it is judged.'),
} as const

const label = z.string().min(1).max(200)

const DriftRule = z.strictObject({
  ...everyRule,
  kind: z.literal('drift'),
  verdict: z
    .enum(['warning', 'drift'])
    .default('drift')
    .describe('Holds when the newest check of the model says this, or worse.'),
  estimateFailed: z
    .boolean()
    .default(true)
    .describe('Holds too when labels show that the estimated accuracy is wrong.'),
  staleSeconds: seconds(31_536_000)
    .default(0)
    .describe('Holds too when the newest check is older than this, in seconds, or there is none; 0 means never.'),
})

const LagRule = z.strictObject({
  ...everyRule,
  kind: z.literal('lag'),
  seconds: z
    .number()
    .positive()
    .optional()
    .describe('Holds when the oldest post that waits to be scored has waited longer than this, in seconds.'),
  posts: z.int().positive().optional().describe('Holds when more posts than this wait to be scored.'),
})

const ErrorRateRule = z.strictObject({
  ...everyRule,
  kind: z.literal('errorRate'),
  above: share.describe('Holds when a larger share of the posts than this became dead posts.'),
  windowSeconds: z
    .number()
    .min(1)
    .max(604_800)
    .default(300)
    .describe('Seconds up to now in which posts were scored or refused.'),
  minPosts: z.int().min(1).default(20).describe('Fewest posts, refused ones included, that are judged.'),
})

const SentimentRule = z.strictObject({
  ...everyRule,
  kind: z.literal('sentiment'),
  share: label.optional().describe('The class whose share of the posts, 0 to 1, is compared.'),
  mean: z
    .record(label, z.number())
    .optional()
    .describe(
      'Instead of `share`: a number for each class, of which the mean over the posts is compared; others are 0.',
    ),
  above: z.number().optional().describe('Holds when the share or mean is above this.'),
  below: z.number().optional().describe('Holds when the share or mean is below this.'),
  windowSeconds: z
    .number()
    .min(1)
    .max(604_800)
    .default(600)
    .describe('Length of the window, in seconds of event time.'),
  minPosts: z.int().min(1).default(100).describe('Fewest posts of the window that are judged.'),
  ...grouped,
})

const SpikeRule = z.strictObject({
  ...everyRule,
  kind: z.literal('spike'),
  share: label.optional().describe('The class whose share of the posts is compared; unset means the number of posts.'),
  windowMinutes: z
    .int()
    .min(1)
    .max(1440)
    .default(5)
    .describe('Length of the window, in minutes of event time; windows follow one another, and each is judged once.'),
  seasonHours: z
    .number()
    .positive()
    .max(8784)
    .default(24)
    .describe('Hours after which the stream repeats itself: 24 compares with the same time of day, 168 of the week.'),
  periods: z.int().min(3).max(60).default(14).describe('Most past seasons that are compared with.'),
  minPeriods: z
    .int()
    .min(3)
    .max(60)
    .default(7)
    .describe('Fewest past seasons with posts at that time; with fewer nothing is judged.'),
  minPosts: z.int().min(1).default(20).describe('Fewest posts of a window that are judged.'),
  minRatio: z
    .number()
    .min(1)
    .default(2)
    .describe('Least that the window must be times what was expected, however sure it is.'),
  falseAlarmsPerDay: z
    .number()
    .positive()
    .max(100)
    .default(0.1)
    .describe('False-alarm budget of the rule, over all its sources or hashtags: alarms a day without a change.'),
  ...grouped,
})

const SilenceRule = z.strictObject({
  ...everyRule,
  kind: z.literal('silence'),
  seconds: z
    .number()
    .min(60)
    .max(2_592_000)
    .default(600)
    .describe('Holds when no post has come for longer than this, in seconds.'),
  memoryHours: z
    .number()
    .min(1)
    .max(8784)
    .default(24)
    .describe('Hours after which a source that is silent, and not named by `only`, is taken for gone.'),
  by: z.enum(['all', 'source']).default('all').describe('What is judged by itself: the whole stream or each source.'),
  only: z
    .array(label)
    .min(1)
    .optional()
    .describe('The sources to look at, whether or not they ever had posts; unset means all that had.'),
  maxGroups: grouped.maxGroups.describe('Most sources that are judged at once, those with the most posts.'),
})

const kinds = {
  drift: DriftRule,
  lag: LagRule,
  silence: SilenceRule,
  errorRate: ErrorRateRule,
  sentiment: SentimentRule,
  spike: SpikeRule,
}

export const AlertRule = z.discriminatedUnion('kind', [
  DriftRule,
  LagRule,
  SilenceRule,
  ErrorRateRule,
  SentimentRule,
  SpikeRule,
])
export type AlertRule = z.infer<typeof AlertRule>
export type AlertKind = AlertRule['kind']
export type RuleOf<Kind extends AlertKind> = Extract<AlertRule, { kind: Kind }>

/** A value in the file, or `env:NAME` to keep it out of there. */
const fromEnvironment = /^env:[A-Za-z_]\w*$/

/** `whsec_` and base64 of 24 to 64 bytes, as Standard Webhooks has it. */
export function secretBytes(secret: string): Buffer | undefined {
  const text = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1]
  const bytes = text === undefined ? undefined : Buffer.from(text, 'base64')
  return bytes === undefined || bytes.length < 24 || bytes.length > 64 ? undefined : bytes
}

/** HTTP or HTTPS without a user in it, which would be a secret that looks like none. */
export function isWebhookUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, password } = new URL(text)
  return /^https?:$/.test(protocol) && username === '' && password === ''
}

export const AlertWebhook = z.strictObject({
  name: name.describe('Name of the webhook, for rules; no two webhooks have the same.'),
  url: z
    .string()
    .refine((text) => fromEnvironment.test(text) || isWebhookUrl(text), 'must be http(s)://… or env:NAME')
    .describe('Where notices are posted to, HTTP or HTTPS; `env:NAME` takes it from the environment.'),
  format: z
    .enum(['json', 'slack'])
    .default('json')
    .describe('Body of a notice: ours (docs/alerts.md), or one line of text as Slack and Mattermost take it.'),
  secrets: z
    .array(
      z
        .string()
        .refine(
          (text) => fromEnvironment.test(text) || secretBytes(text) !== undefined,
          'must be whsec_ and base64 of 24 to 64 bytes, or env:NAME',
        ),
    )
    .max(4)
    .default([])
    .describe('Secrets that notices are signed with, each of them: the new and the old one while you change it.'),
  timeoutSeconds: z.number().min(0.1).max(120).default(10).describe('Seconds that a receiver has to answer.'),
  giveUpHours: z
    .number()
    .min(0)
    .max(168)
    .default(24)
    .describe('Hours after which a notice that was never accepted is given up; 0 means: tried once.'),
})
export type AlertWebhook = z.infer<typeof AlertWebhook>

/** A list in the file, or its JSON in the environment. */
const list = <Schema extends z.ZodType>(schema: Schema) =>
  z.preprocess((value, context) => {
    if (typeof value !== 'string') return value
    try {
      return JSON.parse(value)
    } catch {
      context.addIssue({ code: 'custom', message: 'is not JSON' })
      return z.NEVER
    }
  }, z.array(schema).max(200))

/** Settings of alerts: a part of `configSchema`. */
export const alertSettings = {
  alertRules: list(AlertRule)
    .default([])
    .describe(
      'What people are alerted of: a list of rules, each an object (docs/alerts.md). In the environment: JSON.',
    ),
  alertWebhooks: list(AlertWebhook)
    .default([])
    .describe('Who is told of alerts: a list of webhooks, each an object (docs/alerts.md). In the environment: JSON.'),
  alertSeconds: z.coerce
    .number()
    .min(1)
    .max(3600)
    .default(15)
    .describe('Seconds from one judgement of the alert rules to the next.'),
} as const

interface AlertConfig {
  readonly alertRules: readonly AlertRule[]
  readonly alertWebhooks: readonly AlertWebhook[]
}

export interface Problem {
  readonly path: (string | number)[]
  readonly message: string
}

/** What is wrong with rules and webhooks together, though each by itself is well formed. */
export function alertProblems({ alertRules, alertWebhooks }: AlertConfig): readonly Problem[] {
  const known = alertWebhooks.map((webhook) => webhook.name)
  const twice = (key: string, names: readonly string[]): Problem[] =>
    names.flatMap((one, at) =>
      names.indexOf(one) < at ? [{ path: [key, at, 'name'], message: `'${one}' is taken` }] : [],
    )
  return [
    ...twice(
      'alertRules',
      alertRules.map((rule) => rule.name),
    ),
    ...twice('alertWebhooks', known),
    ...alertRules.flatMap((rule, at) =>
      ruleProblems(rule, known).map(({ path, message }) => ({ path: ['alertRules', at, ...path], message })),
    ),
  ]
}

function ruleProblems(rule: AlertRule, webhooks: readonly string[]): readonly Problem[] {
  const found: Problem[] = (rule.webhooks ?? [])
    .filter((one) => !webhooks.includes(one))
    .map((one) => ({ path: ['webhooks'], message: `there is no webhook '${one}'` }))
  if (rule.kind === 'lag' && rule.seconds === undefined && rule.posts === undefined) {
    found.push({ path: [], message: 'needs seconds or posts' })
  }
  if (rule.kind === 'sentiment') {
    if ((rule.share === undefined) === (rule.mean === undefined)) {
      found.push({ path: [], message: 'needs either share or mean' })
    }
    if (rule.above === undefined && rule.below === undefined) found.push({ path: [], message: 'needs above or below' })
  }
  if (rule.kind === 'spike' && rule.minPeriods > rule.periods) {
    found.push({ path: ['minPeriods'], message: 'is more than periods' })
  }
  if (rule.kind === 'silence' && rule.memoryHours * 3600 <= rule.seconds) {
    found.push({ path: ['memoryHours'], message: 'is not longer than seconds' })
  }
  if ('only' in rule && rule.only !== undefined && rule.by === 'all') {
    const ways = rule.kind === 'silence' ? 'source' : 'source or hashtag'
    found.push({ path: ['only'], message: `needs by: ${ways}` })
  }
  return found
}

/** A webhook as it may be shown: neither secrets, nor what follows the host, which is a secret with Slack and others. */
export function shownWebhook(webhook: AlertWebhook, mask: string): AlertWebhook {
  const masked = (text: string) => (fromEnvironment.test(text) ? text : mask)
  return {
    ...webhook,
    url: fromEnvironment.test(webhook.url) ? webhook.url : `${new URL(webhook.url).origin}/${mask}`,
    secrets: webhook.secrets.map(masked),
  }
}

/** The keys of rules of each kind and of webhooks, for their tables in the documentation. */
export const alertKeys = {
  every: everyRule,
  ...Object.fromEntries(Object.entries(kinds).map(([kind, { shape }]) => [kind, ownKeys(shape)])),
  webhook: AlertWebhook.shape,
  mute: MuteTime.shape,
} as Readonly<Record<string, Readonly<Record<string, z.ZodType>>>>

function ownKeys(shape: Readonly<Record<string, z.ZodType>>) {
  return Object.fromEntries(Object.entries(shape).filter(([key]) => key !== 'kind' && !(key in everyRule)))
}
